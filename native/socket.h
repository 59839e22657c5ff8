#pragma once

#include <napi.h>

namespace weft {

/** socketIn(path, options): a socket made inside a network namespace; its descriptor is the caller's. */
Napi::Value socketIn(const Napi::CallbackInfo& info);
/** socketCookie(fd). */
Napi::Value socketCookie(const Napi::CallbackInfo& info);
/** peer(fd): {uid, gid, pid} of a connected Unix socket's other end. */
Napi::Value peer(const Napi::CallbackInfo& info);

}  // namespace weft
