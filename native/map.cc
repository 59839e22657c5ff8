#include "map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <utility>

#include "environment.h"
#include "error.h"
#include "pin.h"

namespace weft {

Napi::Function Map::define(Napi::Env env) {
  return DefineClass(env, "NativeMap",
                     {
                         InstanceMethod<&Map::info>("info"),
                         InstanceMethod<&Map::lookup>("lookup"),
                         InstanceMethod<&Map::put>("put"),
                         InstanceMethod<&Map::remove>("remove"),
                         InstanceMethod<&Map::putBatch>("putBatch"),
                         InstanceMethod<&Map::removeBatch>("removeBatch"),
                         InstanceMethod<&Map::entries>("entries"),
                         InstanceMethod<&Map::pin>("pin"),
                         InstanceMethod<&Map::descriptor>("descriptor"),
                         InstanceMethod<&Map::btf>("btf"),
                         InstanceMethod<&Map::close>("close"),
                     });
}

Map::Map(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Map>(info) { Value().TypeTag(&tag); }

Napi::Object Map::wrap(Napi::Env env, Descriptor descriptor, const std::string& name) {
  bpf_map_info description = {};
  __u32 size = sizeof description;
  const int result = bpf_obj_get_info_by_fd(descriptor.get(), &description, &size);
  if (result < 0) raise(env, {"map_info", name, -result});

  Napi::Object holder;
  Map* map = create<Map>(Environment::of(env).map, holder);
  map->descriptor_ = std::move(descriptor);
  map->info_ = description;
  map->name_ = name.empty() ? description.name : name;
  switch (description.type) {
    case BPF_MAP_TYPE_PERCPU_HASH:
    case BPF_MAP_TYPE_PERCPU_ARRAY:
    case BPF_MAP_TYPE_LRU_PERCPU_HASH:
    case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE: {
      const int cpus = libbpf_num_possible_cpus();
      if (cpus < 0) raise(env, {"possible_cpus", map->name_, -cpus});
      map->cpus_ = static_cast<uint32_t>(cpus);
      break;
    }
    default:
      break;
  }
  return holder;
}

uint64_t Map::valueBytes() const {
  return cpus_ == 0 ? info_.value_size : ((uint64_t{info_.value_size} + 7) & ~uint64_t{7}) * cpus_;
}

int Map::use(const Call& call) const {
  if (!descriptor_.open()) call.fail(EBADF, "the map is closed");
  return descriptor_.get();
}

Napi::Value Map::info(const Napi::CallbackInfo& info) {
  use(call(info.Env(), "map_info"));
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("name", info_.name);
  object.Set("type", info_.type);
  object.Set("id", info_.id);
  object.Set("keySize", info_.key_size);
  object.Set("valueSize", info_.value_size);
  object.Set("maxEntries", info_.max_entries);
  object.Set("flags", info_.map_flags);
  object.Set("btfId", info_.btf_id);
  object.Set("btfKeyTypeId", info_.btf_key_type_id);
  object.Set("btfValueTypeId", info_.btf_value_type_id);
  return object;
}

Napi::Value Map::lookup(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "map_lookup");
  const int fd = use(call);
  const Bytes key = bytesOf(call, info[0], "the key", info_.key_size);
  value_.resize(valueBytes());
  const int result = bpf_map_lookup_elem(fd, key.data, value_.data());
  if (result == -ENOENT) return info.Env().Null();
  if (result < 0) call.fail(-result);
  return toArray(info.Env(), value_.data(), value_.size());
}

void Map::put(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "map_update");
  const int fd = use(call);
  const Bytes key = bytesOf(call, info[0], "the key", info_.key_size);
  const Bytes value = bytesOf(call, info[1], "the value", valueBytes());
  const uint64_t flags = info[2].IsUndefined() ? uint64_t{BPF_ANY} : integerOf(call, info[2], "flags", UINT32_MAX);
  const int result = bpf_map_update_elem(fd, key.data, value.data, flags);
  if (result < 0) call.fail(-result);
}

Napi::Value Map::remove(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "map_delete");
  const int fd = use(call);
  const Bytes key = bytesOf(call, info[0], "the key", info_.key_size);
  const int result = bpf_map_delete_elem(fd, key.data);
  if (result < 0 && result != -ENOENT) call.fail(-result);
  return Napi::Boolean::New(info.Env(), result == 0);
}

Napi::Value Map::descriptor(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), use(call(info.Env(), "map_descriptor")));
}

void Map::pin(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "obj_pin");
  weft::pin(call, use(call), textOf(call, info[0], "the path"));
}

Napi::Value Map::btf(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "btf_get");
  use(call);
  if (info_.btf_id == 0) return info.Env().Null();
  const int fd = bpf_btf_get_fd_by_id(info_.btf_id);
  if (fd < 0) call.fail(-fd);
  const Descriptor descriptor(fd);

  bpf_btf_info description = {};
  __u32 size = sizeof description;
  int result = bpf_obj_get_info_by_fd(fd, &description, &size);
  if (result < 0) call.fail(-result);
  std::vector<uint8_t> blob(description.btf_size);
  description = {};
  description.btf = reinterpret_cast<uintptr_t>(blob.data());
  description.btf_size = static_cast<__u32>(blob.size());
  size = sizeof description;
  result = bpf_obj_get_info_by_fd(fd, &description, &size);
  if (result < 0) call.fail(-result);
  return toArray(info.Env(), blob.data(), blob.size());
}

void Map::close(const Napi::CallbackInfo&) { descriptor_.close(); }

}  // namespace weft
