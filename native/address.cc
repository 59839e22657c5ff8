#include "address.h"

#include <arpa/inet.h>

namespace weft {

uint16_t Address::port() const {
  return ntohs(storage.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in*>(&storage)->sin_port
                                            : reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
}

const uint8_t* Address::bytes() const {
  if (storage.ss_family == AF_INET)
    return reinterpret_cast<const uint8_t*>(&reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr);
  return reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr.s6_addr;
}

int familyOf(const Call& call, Napi::Value value) {
  const uint64_t family = integerOf(call, value, "family", 6);
  if (family != 4 && family != 6) call.invalid("family must be 4 or 6");
  return family == 4 ? AF_INET : AF_INET6;
}

int protocolOf(const Call& call, Napi::Value value) {
  const std::string protocol = textOf(call, value, "protocol");
  if (protocol != "TCP" && protocol != "UDP") call.invalid("protocol must be TCP or UDP");
  return protocol == "TCP" ? IPPROTO_TCP : IPPROTO_UDP;
}

Address addressOf(const Call& call, Napi::Value value, int family) {
  if (!value.IsObject()) call.invalid("an address must be {address, port}");
  const auto object = value.As<Napi::Object>();
  const std::string text = textOf(call, object.Get("address"), "address");
  const auto port = static_cast<uint16_t>(integerOf(call, object.Get("port"), "port", UINT16_MAX));
  Address address;
  void* place;
  if (family == AF_INET) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    place = &v4->sin_addr;
    address.length = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    place = &v6->sin6_addr;
    address.length = sizeof *v6;
  }
  if (inet_pton(family, text.c_str(), place) != 1)
    call.invalid("\"" + text + "\" is no IPv" + (family == AF_INET ? "4" : "6") + " address");
  return address;
}

std::string addressText(int family, const void* bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family, bytes, text, sizeof text);
  return text;
}

}  // namespace weft
