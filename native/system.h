#pragma once

#include <napi.h>

namespace weft {

/** mountBpffs(path): true when it mounted one. */
Napi::Value mountBpffs(const Napi::CallbackInfo& info);
/** monotonicNs(): CLOCK_MONOTONIC in ns. */
Napi::Value monotonicNs(const Napi::CallbackInfo& info);
/** boottimeNs(): CLOCK_BOOTTIME in ns. */
Napi::Value boottimeNs(const Napi::CallbackInfo& info);
/** possibleCpus(). */
Napi::Value possibleCpus(const Napi::CallbackInfo& info);
void trimMemory(const Napi::CallbackInfo& info);
/** closeFd(fd). */
void closeFd(const Napi::CallbackInfo& info);

}  // namespace weft
