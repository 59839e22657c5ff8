#include "route.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "argument.h"
#include "descriptor.h"
#include "netns.h"

namespace weft {

namespace {

struct RouteRequest {
  nlmsghdr header = {};
  rtmsg route = {};
  rtattr destinationAttribute = {};
  in6_addr destination = {};
  rtattr deviceAttribute = {};
  uint32_t device = 0;
};
static_assert(sizeof(RouteRequest) ==
              sizeof(nlmsghdr) + sizeof(rtmsg) + 2 * sizeof(rtattr) + sizeof(in6_addr) + sizeof(uint32_t));

/** `ip -6 route add local PREFIX/LENGTH dev lo table local`. */
Outcome addRoute(const in6_addr& prefix, uint8_t length, bool& added) {
  const Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.open()) return {errno, "rtnetlink"};
  RouteRequest request;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  request.route.rtm_family = AF_INET6;
  request.route.rtm_dst_len = length;
  request.route.rtm_table = RT_TABLE_LOCAL;
  request.route.rtm_protocol = RTPROT_STATIC;
  request.route.rtm_scope = RT_SCOPE_UNIVERSE;
  request.route.rtm_type = RTN_LOCAL;
  request.destinationAttribute = {sizeof(rtattr) + sizeof(in6_addr), RTA_DST};
  request.destination = prefix;
  request.deviceAttribute = {sizeof(rtattr) + sizeof(uint32_t), RTA_OIF};
  request.device = if_nametoindex("lo");
  if (send(socket.get(), &request, sizeof request, 0) < 0) return {errno, "route_add"};
  struct {
    nlmsghdr header;
    nlmsgerr error;
    uint8_t rest[256];
  } reply = {};
  ssize_t received;
  do {
    received = recv(socket.get(), &reply, sizeof reply, 0);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return {errno, "route_add"};
  if (static_cast<size_t>(received) < sizeof reply.header + sizeof reply.error.error ||
      reply.header.nlmsg_type != NLMSG_ERROR)
    return {EPROTO, "route_add"};
  added = reply.error.error == 0;
  return added || reply.error.error == -EEXIST ? Outcome{} : Outcome{-reply.error.error, "route_add"};
}

}  // namespace

Napi::Value localRoute(const Napi::CallbackInfo& info) {
  Call call{info.Env(), "route_add", ""};
  call.object = textOf(call, info[0], "the path");
  const std::string text = textOf(call, info[1], "prefix");
  const auto length = static_cast<uint8_t>(integerOf(call, info[2], "length", 128));
  in6_addr prefix = {};
  if (inet_pton(AF_INET6, text.c_str(), &prefix) != 1) call.invalid("\"" + text + "\" is no IPv6 address");
  bool added = false;
  insideNamespace(info.Env(), call.object, [&] { return addRoute(prefix, length, added); });
  return Napi::Boolean::New(info.Env(), added);
}

}  // namespace weft
