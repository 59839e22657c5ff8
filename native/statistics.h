#pragma once

#include <napi.h>

#include "descriptor.h"

namespace weft {

/** Run-time statistics of BPF programs, on while it is open. Like a lock it keeps itself alive until closed. */
class Statistics : public Napi::ObjectWrap<Statistics> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit Statistics(const Napi::CallbackInfo& info);
  static Napi::Object wrap(Napi::Env env, Descriptor descriptor);

 private:
  void close(const Napi::CallbackInfo& info);

  Descriptor descriptor_;
};

/** enableStats(): BPF_ENABLE_STATS. */
Napi::Value enableStats(const Napi::CallbackInfo& info);

}  // namespace weft
