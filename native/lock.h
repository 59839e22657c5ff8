#pragma once

#include <napi.h>

#include "descriptor.h"

namespace weft {

/** A held flock(2). It keeps itself alive until released: forgetting the object must not give the lock away. */
class Lock : public Napi::ObjectWrap<Lock> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit Lock(const Napi::CallbackInfo& info);
  static Napi::Object wrap(Napi::Env env, Descriptor descriptor);

 private:
  void release(const Napi::CallbackInfo& info);

  Descriptor descriptor_;
};

/** lock(path). */
Napi::Value lock(const Napi::CallbackInfo& info);

}  // namespace weft
