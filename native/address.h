#pragma once

#include <napi.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "argument.h"

namespace weft {

/** A socket address of either family, as the system calls take it. */
struct Address {
  sockaddr_storage storage = {};
  socklen_t length = 0;

  const sockaddr* pointer() const { return reinterpret_cast<const sockaddr*>(&storage); }
  /** In host order. */
  uint16_t port() const;
  /** The 4 or 16 bytes of the address, in network order. */
  const uint8_t* bytes() const;
};

/** 4 → AF_INET, 6 → AF_INET6. */
int familyOf(const Call& call, Napi::Value value);
/** "TCP" → IPPROTO_TCP, "UDP" → IPPROTO_UDP. */
int protocolOf(const Call& call, Napi::Value value);
/** A SocketAddress {address, port} of `family`. */
Address addressOf(const Call& call, Napi::Value value, int family);
/** The text of 4 or 16 bytes of address; mapped addresses as ::ffff:a.b.c.d. */
std::string addressText(int family, const void* bytes);

}  // namespace weft
