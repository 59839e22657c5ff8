#include "object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "descriptor.h"
#include "environment.h"
#include "error.h"
#include "log.h"
#include "map.h"
#include "program.h"

namespace weft {

namespace {

/** Where a global lives: its section, and its place in it. */
struct Variable {
  std::string section;
  uint32_t offset;
  uint32_t size;
};

/** Looks a global up in the object's BTF: a VAR of a DATASEC that holds data. */
std::optional<Variable> findVariable(const bpf_object* object, const std::string& name) {
  const btf* types = bpf_object__btf(object);
  if (types == nullptr) return {};
  for (__u32 id = 1; id < btf__type_cnt(types); id++) {
    const btf_type* section = btf__type_by_id(types, id);
    if (!btf_is_datasec(section)) continue;
    const std::string sectionName = btf__name_by_offset(types, section->name_off);
    if (sectionName.rfind(".rodata", 0) != 0 && sectionName.rfind(".data", 0) != 0 && sectionName.rfind(".bss", 0) != 0)
      continue;
    const btf_var_secinfo* entries = btf_var_secinfos(section);
    for (__u16 i = 0; i < btf_vlen(section); i++) {
      const btf_type* variable = btf__type_by_id(types, entries[i].type);
      if (name == btf__name_by_offset(types, variable->name_off))
        return Variable{sectionName, entries[i].offset, entries[i].size};
    }
  }
  return {};
}

/** Every way in which `existing` is not what the object asks for, or the empty string. */
std::string mismatch(const bpf_map* wanted, const bpf_map_info& existing) {
  std::string text;
  const auto compare = [&text](const char* what, uint32_t want, uint32_t have) {
    if (want == have) return;
    if (!text.empty()) text += ", ";
    text += std::string(what) + " " + std::to_string(have) + " instead of " + std::to_string(want);
  };
  compare("type", bpf_map__type(wanted), existing.type);
  compare("key size", bpf_map__key_size(wanted), existing.key_size);
  compare("value size", bpf_map__value_size(wanted), existing.value_size);
  return text;
}

/** libbpf's own errors (from 4000 up) are all of one kind: the bytes are no object it can use. */
int systemErrno(int number) { return number >= __LIBBPF_ERRNO__START ? ENOEXEC : number; }

}  // namespace

Napi::Function Object::define(Napi::Env env) {
  return DefineClass(env, "NativeObject",
                     {
                         InstanceMethod<&Object::maps>("maps"),
                         InstanceMethod<&Object::programs>("programs"),
                         InstanceMethod<&Object::setMaxEntries>("setMaxEntries"),
                         InstanceMethod<&Object::setVariable>("setVariable"),
                         InstanceMethod<&Object::reuse>("reuse"),
                         InstanceMethod<&Object::skip>("skip"),
                         InstanceMethod<&Object::load>("load"),
                         InstanceMethod<&Object::map>("map"),
                         InstanceMethod<&Object::program>("program"),
                         InstanceMethod<&Object::close>("close"),
                     });
}

Object::Object(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Object>(info) {}

Object::~Object() { release(); }

Napi::Object Object::open(Napi::Env env, Bytes elf, const std::string& name) {
  Napi::Object holder;
  Object* self = create<Object>(Environment::of(env).object, holder);
  self->name_ = name;
  self->elf_.assign(elf.data, elf.data + elf.length);

  LIBBPF_OPTS(bpf_object_open_opts, options);
  options.object_name = self->name_.c_str();
  const LibraryLog said;
  self->object_ = bpf_object__open_mem(self->elf_.data(), self->elf_.size(), &options);
  if (self->object_ == nullptr) raise(env, {"object_open", name, systemErrno(errno), said.text()});
  return holder;
}

Call Object::call(const Napi::CallbackInfo& info, const char* operation) const {
  return {info.Env(), operation, name_};
}

Call Object::callOnPart(const Napi::CallbackInfo& info, const char* operation) const {
  return {info.Env(), operation, textOf(call(info, operation), info[0], "the name")};
}

bpf_object* Object::use(const Call& call) const {
  if (object_ == nullptr) call.fail(EBADF, "the object is closed");
  return object_;
}

bpf_object* Object::prepare(const Call& call) const {
  use(call);
  if (stage_ != Stage::opened) call.fail(EBUSY, "the object was loaded already");
  return object_;
}

bpf_object* Object::loaded(const Call& call) const {
  use(call);
  if (stage_ != Stage::loaded) call.fail(ENOENT, "the object is not loaded");
  return object_;
}

bpf_map* Object::findMap(const Call& call, bpf_object* object) const {
  bpf_map* map = bpf_object__find_map_by_name(object, call.object.c_str());
  if (map == nullptr) call.fail(ENOENT, name_ + " has no such map");
  return map;
}

bpf_program* Object::findProgram(const Call& call, bpf_object* object) const {
  bpf_program* program = bpf_object__find_program_by_name(object, call.object.c_str());
  if (program == nullptr) call.fail(ENOENT, name_ + " has no such program");
  return program;
}

Napi::Value Object::maps(const Napi::CallbackInfo& info) {
  const bpf_object* object = use(call(info, "object_maps"));
  Napi::Array list = Napi::Array::New(info.Env());
  uint32_t count = 0;
  const bpf_map* map;
  bpf_object__for_each_map(map, object) {
    Napi::Object entry = Napi::Object::New(info.Env());
    entry.Set("name", bpf_map__name(map));
    entry.Set("type", static_cast<uint32_t>(bpf_map__type(map)));
    entry.Set("keySize", bpf_map__key_size(map));
    entry.Set("valueSize", bpf_map__value_size(map));
    entry.Set("maxEntries", bpf_map__max_entries(map));
    entry.Set("flags", bpf_map__map_flags(map));
    list.Set(count++, entry);
  }
  return list;
}

Napi::Value Object::programs(const Napi::CallbackInfo& info) {
  const bpf_object* object = use(call(info, "object_programs"));
  Napi::Array list = Napi::Array::New(info.Env());
  uint32_t count = 0;
  bpf_program* program;
  bpf_object__for_each_program(program, object) {
    Napi::Object entry = Napi::Object::New(info.Env());
    entry.Set("name", bpf_program__name(program));
    entry.Set("section", bpf_program__section_name(program));
    entry.Set("type", static_cast<uint32_t>(bpf_program__type(program)));
    entry.Set("expectedAttachType", static_cast<uint32_t>(bpf_program__expected_attach_type(program)));
    list.Set(count++, entry);
  }
  return list;
}

void Object::setMaxEntries(const Napi::CallbackInfo& info) {
  const Call call = callOnPart(info, "map_resize");
  bpf_map* map = findMap(call, prepare(call));
  const auto entries = static_cast<uint32_t>(integerOf(call, info[1], "entries", UINT32_MAX));
  const int result = bpf_map__set_max_entries(map, entries);
  if (result < 0) call.fail(-result);
}

void Object::setVariable(const Napi::CallbackInfo& info) {
  const Call call = callOnPart(info, "set_variable");
  bpf_object* object = prepare(call);
  const std::optional<Variable> variable = findVariable(object, call.object);
  if (!variable) call.fail(ENOENT, name_ + " has no such global");
  const Bytes value = bytesOf(call, info[1], "the value", variable->size);
  bpf_map* section = bpf_object__find_map_by_name(object, variable->section.c_str());
  size_t size = 0;
  // Const in libbpf's face, but the very memory through which its generated skeletons set globals before the load.
  const void* initial = section == nullptr ? nullptr : bpf_map__initial_value(section, &size);
  auto* memory = static_cast<uint8_t*>(const_cast<void*>(initial));
  if (memory == nullptr) call.fail(ENODATA, variable->section + " has no initial value");
  if (uint64_t{variable->offset} + variable->size > size) call.fail(EINVAL, "it lies outside " + variable->section);
  memcpy(memory + variable->offset, value.data, value.length);
}

void Object::reuse(const Napi::CallbackInfo& info) {
  const Call call = callOnPart(info, "map_reuse");
  bpf_map* map = findMap(call, prepare(call));
  const Map* existing = unwrap<Map>(call, info[1], "NativeMap");
  const int fd = existing->use(call);
  const std::string difference = mismatch(map, existing->description());
  if (!difference.empty()) call.invalid("the existing map has " + difference);
  const int result = bpf_map__reuse_fd(map, fd);
  if (result < 0) call.fail(-result);
}

void Object::skip(const Napi::CallbackInfo& info) {
  const Call call = callOnPart(info, "prog_skip");
  const int result = bpf_program__set_autoload(findProgram(call, prepare(call)), false);
  if (result < 0) call.fail(-result);
}

void Object::load(const Napi::CallbackInfo& info) {
  const Call call = this->call(info, "object_load");
  bpf_object* object = prepare(call);
  const VerifierLog log;
  bpf_program* program;
  if (log.data() != nullptr) {
    bpf_object__for_each_program(program, object) bpf_program__set_log_buf(program, log.data(), log.size());
  }
  const LibraryLog said;
  const int result = bpf_object__load(object);
  if (log.data() != nullptr) {
    bpf_object__for_each_program(program, object) bpf_program__set_log_buf(program, nullptr, 0);
  }
  stage_ = result == 0 ? Stage::loaded : Stage::failed;
  elf_ = {};
  if (result == 0) return;
  const int number = systemErrno(-result);
  if (const std::string failed = said.failedProgram(); !failed.empty())
    raise(info.Env(), {"prog_load", failed, number, {}, log.text()});
  if (const std::string failed = said.failedMap(); !failed.empty()) raise(info.Env(), {"map_create", failed, number});
  raise(info.Env(), {"object_load", name_, number, said.text(), log.text()});
}

Napi::Value Object::map(const Napi::CallbackInfo& info) {
  const Call call = callOnPart(info, "map_get");
  const bpf_map* map = findMap(call, loaded(call));
  Descriptor own = Descriptor::duplicate(bpf_map__fd(map));
  if (!own.open()) call.fail(errno);
  return Map::wrap(info.Env(), std::move(own), bpf_map__name(map));
}

Napi::Value Object::program(const Napi::CallbackInfo& info) {
  const Call call = callOnPart(info, "prog_get");
  const bpf_program* program = findProgram(call, loaded(call));
  if (bpf_program__fd(program) < 0) call.fail(ENOENT, "it was left out of the load");
  Descriptor own = Descriptor::duplicate(bpf_program__fd(program));
  if (!own.open()) call.fail(errno);
  return Program::wrap(info.Env(), std::move(own), bpf_program__name(program),
                       bpf_program__expected_attach_type(program));
}

void Object::release() {
  if (object_ != nullptr) bpf_object__close(std::exchange(object_, nullptr));
  elf_ = {};
}

void Object::close(const Napi::CallbackInfo&) { release(); }

}  // namespace weft
