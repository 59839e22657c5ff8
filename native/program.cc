#include "program.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "environment.h"
#include "error.h"
#include "link.h"

namespace weft {

namespace {

std::string hex(const __u8* bytes, size_t length) {
  std::string text;
  for (size_t i = 0; i < length; i++) {
    char pair[3];
    snprintf(pair, sizeof pair, "%02x", bytes[i]);
    text += pair;
  }
  return text;
}

}  // namespace

Napi::Function Program::define(Napi::Env env) {
  return DefineClass(env, "NativeProgram",
                     {
                         InstanceMethod<&Program::info>("info"),
                         InstanceMethod<&Program::attachCgroup>("attachCgroup"),
                         InstanceMethod<&Program::attachNetns>("attachNetns"),
                         InstanceMethod<&Program::run>("run"),
                         InstanceMethod<&Program::close>("close"),
                     });
}

Program::Program(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Program>(info) { Value().TypeTag(&tag); }

Napi::Object Program::wrap(Napi::Env env, Descriptor descriptor, const std::string& name,
                           std::optional<bpf_attach_type> attachType) {
  bpf_prog_info description = {};
  __u32 size = sizeof description;
  const int result = bpf_obj_get_info_by_fd(descriptor.get(), &description, &size);
  if (result < 0) raise(env, {"prog_info", name, -result});

  Napi::Object holder;
  Program* program = create<Program>(Environment::of(env).program, holder);
  program->descriptor_ = std::move(descriptor);
  program->name_ = name.empty() ? description.name : name;
  program->type_ = description.type;
  program->attachType_ = attachType;
  return holder;
}

int Program::use(const Call& call) const {
  if (!descriptor_.open()) call.fail(EBADF, "the program is closed");
  return descriptor_.get();
}

Napi::Value Program::info(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Call call = this->call(env, "prog_info");
  const int fd = use(call);
  bpf_prog_info description = {};
  __u32 size = sizeof description;
  int result = bpf_obj_get_info_by_fd(fd, &description, &size);
  if (result < 0) call.fail(-result);
  std::vector<__u32> mapIds(description.nr_map_ids);
  description = {};
  description.nr_map_ids = static_cast<__u32>(mapIds.size());
  description.map_ids = reinterpret_cast<uintptr_t>(mapIds.data());
  size = sizeof description;
  result = bpf_obj_get_info_by_fd(fd, &description, &size);
  if (result < 0) call.fail(-result);

  Napi::Array ids = Napi::Array::New(env, mapIds.size());
  for (uint32_t i = 0; i < mapIds.size(); i++) ids.Set(i, mapIds[i]);
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", description.name);
  object.Set("type", description.type);
  object.Set("id", description.id);
  object.Set("tag", hex(description.tag, sizeof description.tag));
  object.Set("runTimeNs", Napi::BigInt::New(env, uint64_t{description.run_time_ns}));
  object.Set("runCount", Napi::BigInt::New(env, uint64_t{description.run_cnt}));
  object.Set("mapIds", ids);
  return object;
}

Napi::Value Program::attachCgroup(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "link_create");
  const int fd = use(call);
  const std::string path = textOf(call, info[0], "the cgroup's path");
  if (info[1].IsUndefined() && !attachType_) call.invalid("no section says where it attaches: attachType is needed");
  const auto attachType = info[1].IsUndefined()
                              ? *attachType_
                              : static_cast<bpf_attach_type>(integerOf(call, info[1], "attachType", UINT32_MAX));
  const Descriptor cgroup(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup.open()) call.fail(errno, "at " + path);
  const int link = bpf_link_create(fd, cgroup.get(), attachType, nullptr);
  if (link < 0) call.fail(-link, "at " + path);
  return Link::wrap(info.Env(), Descriptor(link), name_ + " at " + path);
}

Napi::Value Program::attachNetns(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "link_create");
  const int fd = use(call);
  const std::string path = textOf(call, info[0], "the namespace's path");
  if (!attachType_) call.invalid("no section says where it attaches");
  const Descriptor netns(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!netns.open()) call.fail(errno, "at " + path);
  const int link = bpf_link_create(fd, netns.get(), *attachType_, nullptr);
  if (link < 0) call.fail(-link, "at " + path);
  return Link::wrap(info.Env(), Descriptor(link), name_ + " at " + path);
}

Napi::Value Program::run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Call call = this->call(env, "prog_test_run");
  const int fd = use(call);
  Napi::Value context = env.Undefined();
  Napi::Value data = env.Undefined();
  Napi::Value repeat = env.Undefined();
  if (info[0].IsObject()) {
    const auto options = info[0].As<Napi::Object>();
    context = options.Get("context");
    data = options.Get("data");
    repeat = options.Get("repeat");
  }

  std::vector<uint8_t> contextBytes;
  std::vector<uint8_t> dataOut;
  bpf_test_run_opts test = {};
  test.sz = sizeof test;
  if (!repeat.IsUndefined()) test.repeat = static_cast<int>(integerOf(call, repeat, "repeat", INT32_MAX));
  if (!context.IsUndefined()) {
    const Bytes bytes = bytesOf(call, context, "context");
    contextBytes.assign(bytes.data, bytes.data + bytes.length);
    test.ctx_in = contextBytes.data();
    test.ctx_size_in = static_cast<__u32>(contextBytes.size());
    // These two write their context back in place and refuse a ctx_out.
    if (type_ != BPF_PROG_TYPE_SYSCALL && type_ != BPF_PROG_TYPE_RAW_TRACEPOINT) {
      test.ctx_out = contextBytes.data();
      test.ctx_size_out = test.ctx_size_in;
    }
  }
  if (!data.IsUndefined()) {
    const Bytes bytes = bytesOf(call, data, "data");
    dataOut.resize(bytes.length + 4096);  // a program may grow the packet by at most a page
    test.data_in = bytes.data;
    test.data_size_in = static_cast<__u32>(bytes.length);
    test.data_out = dataOut.data();
    test.data_size_out = static_cast<__u32>(dataOut.size());
  }
  const int result = bpf_prog_test_run_opts(fd, &test);
  if (result < 0) call.fail(-result);

  const size_t contextLength = test.ctx_out == nullptr ? contextBytes.size() : test.ctx_size_out;
  Napi::Object object = Napi::Object::New(env);
  object.Set("returned", Napi::Number::New(env, test.retval));
  object.Set("durationNs", Napi::Number::New(env, test.duration));
  object.Set("context", toArray(env, contextBytes.data(), std::min(contextLength, contextBytes.size())));
  object.Set("data", toArray(env, dataOut.data(), std::min<size_t>(test.data_size_out, dataOut.size())));
  return object;
}

void Program::close(const Napi::CallbackInfo&) { descriptor_.close(); }

}  // namespace weft
