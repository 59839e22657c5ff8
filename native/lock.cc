#include "lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <utility>

#include "argument.h"
#include "environment.h"

namespace weft {

Napi::Function Lock::define(Napi::Env env) {
  return DefineClass(env, "NativeLock", {InstanceMethod<&Lock::release>("release")});
}

Lock::Lock(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Lock>(info) {}

Napi::Object Lock::wrap(Napi::Env env, Descriptor descriptor) {
  Napi::Object holder;
  Lock* lock = create<Lock>(Environment::of(env).lock, holder);
  lock->descriptor_ = std::move(descriptor);
  lock->Ref();
  return holder;
}

void Lock::release(const Napi::CallbackInfo&) {
  if (!descriptor_.open()) return;
  descriptor_.close();
  Unref();
}

Napi::Value lock(const Napi::CallbackInfo& info) {
  Call call{info.Env(), "lock", ""};
  call.object = textOf(call, info[0], "the path");
  Descriptor descriptor(open(call.object.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor.open()) call.fail(errno);
  if (flock(descriptor.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK) return info.Env().Null();
    call.fail(errno);
  }
  return Lock::wrap(info.Env(), std::move(descriptor));
}

}  // namespace weft
