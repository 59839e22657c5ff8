#pragma once

#include <napi.h>

namespace weft {

/** sockets(path, query): a namespace's sockets by NETLINK_SOCK_DIAG (sock_diag(7)). */
Napi::Value sockets(const Napi::CallbackInfo& info);
/** destroySocket(path, socket): SOCK_DESTROY by the socket's cookie. */
Napi::Value destroySocket(const Napi::CallbackInfo& info);

}  // namespace weft
