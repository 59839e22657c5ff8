#include "link.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <utility>

#include "environment.h"
#include "error.h"
#include "pin.h"
#include "program.h"

namespace weft {

namespace {

Napi::Object describe(Napi::Env env, const bpf_link_info& description) {
  const bool cgroup = description.type == BPF_LINK_TYPE_CGROUP;
  const bool netns = description.type == BPF_LINK_TYPE_NETNS;
  Napi::Object object = Napi::Object::New(env);
  object.Set("id", description.id);
  object.Set("type", description.type);
  object.Set("programId", description.prog_id);
  object.Set("cgroupId", Napi::BigInt::New(env, cgroup ? uint64_t{description.cgroup.cgroup_id} : uint64_t{0}));
  object.Set("netnsInode", netns ? description.netns.netns_ino : 0);
  object.Set("attachType", cgroup  ? description.cgroup.attach_type
                           : netns ? description.netns.attach_type
                                   : 0);
  return object;
}

/** The kernel's name of a program, empty when it is gone. */
std::string programName(__u32 id) {
  const Descriptor program(bpf_prog_get_fd_by_id(id));
  bpf_prog_info description = {};
  __u32 size = sizeof description;
  if (!program.open() || bpf_obj_get_info_by_fd(program.get(), &description, &size) < 0) return "";
  return description.name;
}

}  // namespace

Napi::Function Link::define(Napi::Env env) {
  return DefineClass(env, "NativeLink",
                     {
                         InstanceMethod<&Link::info>("info"),
                         InstanceMethod<&Link::update>("update"),
                         InstanceMethod<&Link::detach>("detach"),
                         InstanceMethod<&Link::pin>("pin"),
                         InstanceMethod<&Link::close>("close"),
                     });
}

Link::Link(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Link>(info) { Value().TypeTag(&tag); }

Napi::Object Link::wrap(Napi::Env env, Descriptor descriptor, const std::string& name) {
  Napi::Object holder;
  Link* link = create<Link>(Environment::of(env).link, holder);
  link->descriptor_ = std::move(descriptor);
  link->name_ = name;
  return holder;
}

int Link::use(const Call& call) const {
  if (!descriptor_.open()) call.fail(EBADF, "the link is closed");
  return descriptor_.get();
}

Napi::Value Link::info(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "link_info");
  bpf_link_info description = {};
  __u32 size = sizeof description;
  const int result = bpf_obj_get_info_by_fd(use(call), &description, &size);
  if (result < 0) call.fail(-result);
  return describe(info.Env(), description);
}

void Link::update(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "link_update");
  const int fd = use(call);
  const Program* program = unwrap<Program>(call, info[0], "NativeProgram");
  const int result = bpf_link_update(fd, program->use(call), nullptr);
  if (result < 0) call.fail(-result, "to " + program->name());
}

void Link::detach(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "link_detach");
  const int result = bpf_link_detach(use(call));
  if (result < 0) call.fail(-result);
}

void Link::pin(const Napi::CallbackInfo& info) {
  const Call call = this->call(info.Env(), "obj_pin");
  weft::pin(call, use(call), textOf(call, info[0], "the path"));
}

void Link::close(const Napi::CallbackInfo&) { descriptor_.close(); }

Napi::Value cgroupLinks(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array links = Napi::Array::New(env);
  uint32_t count = 0;
  __u32 id = 0;
  for (;;) {
    int result = bpf_link_get_next_id(id, &id);
    if (result == -ENOENT) return links;
    if (result < 0) raise(env, {"link_get_next_id", "link " + std::to_string(id), -result});
    const int fd = bpf_link_get_fd_by_id(id);
    if (fd == -ENOENT || fd == -EAGAIN) continue;  // gone meanwhile, or not yet settled
    if (fd < 0) raise(env, {"link_get_fd_by_id", "link " + std::to_string(id), -fd});
    const Descriptor link(fd);
    bpf_link_info description = {};
    __u32 size = sizeof description;
    result = bpf_obj_get_info_by_fd(fd, &description, &size);
    if (result < 0) raise(env, {"link_info", "link " + std::to_string(id), -result});
    if (description.type != BPF_LINK_TYPE_CGROUP) continue;
    Napi::Object object = describe(env, description);
    object.Set("programName", programName(description.prog_id));
    links.Set(count++, object);
  }
}

}  // namespace weft
