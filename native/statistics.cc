#include "statistics.h"

#include <bpf/bpf.h>

#include <utility>

#include "argument.h"
#include "environment.h"

namespace weft {

Napi::Function Statistics::define(Napi::Env env) {
  return DefineClass(env, "NativeStatistics", {InstanceMethod<&Statistics::close>("close")});
}

Statistics::Statistics(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Statistics>(info) {}

Napi::Object Statistics::wrap(Napi::Env env, Descriptor descriptor) {
  Napi::Object holder;
  Statistics* statistics = create<Statistics>(Environment::of(env).statistics, holder);
  statistics->descriptor_ = std::move(descriptor);
  statistics->Ref();
  return holder;
}

void Statistics::close(const Napi::CallbackInfo&) {
  if (!descriptor_.open()) return;
  descriptor_.close();
  Unref();
}

Napi::Value enableStats(const Napi::CallbackInfo& info) {
  const Call call{info.Env(), "enable_stats", "BPF_STATS_RUN_TIME"};
  const int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
  if (fd < 0) call.fail(-fd);
  return Statistics::wrap(info.Env(), Descriptor(fd));
}

}  // namespace weft
