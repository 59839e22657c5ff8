#pragma once

#include <napi.h>

namespace weft {

/** socketPair(): both ends of a SOCK_SEQPACKET channel. */
Napi::Value socketPair(const Napi::CallbackInfo& info);
/** sendDescriptors(channel, message, fds). */
void sendDescriptors(const Napi::CallbackInfo& info);
/** receiveDescriptors(channel, limitBytes, timeoutMs): {message, fds}, or null. */
Napi::Value receiveDescriptors(const Napi::CallbackInfo& info);
/** blankSockets(channel, namespace, family, count): descriptors, from the broker. */
Napi::Value blankSockets(const Napi::CallbackInfo& info);

}  // namespace weft
