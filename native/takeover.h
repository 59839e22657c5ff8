#pragma once

#include <napi.h>

namespace weft {

/** takeListeners(pid, port): listening TCP sockets of another process. */
Napi::Value takeListeners(const Napi::CallbackInfo& info);

}  // namespace weft
