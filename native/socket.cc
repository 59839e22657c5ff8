#include "socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "address.h"
#include "argument.h"
#include "descriptor.h"
#include "netns.h"

namespace weft {

namespace {

struct SocketPlan {
  int family = AF_INET;
  int protocol = IPPROTO_TCP;
  std::optional<Address> bind;
  std::optional<Address> connect;
  std::string device;
  std::optional<bool> v6only;
  bool reuseport = false;
  bool freebind = false;
  std::optional<int> listen;
};

SocketPlan planOf(const Call& call, Napi::Value value) {
  if (!value.IsObject()) call.invalid("options must be an object");
  const auto options = value.As<Napi::Object>();
  SocketPlan plan;
  plan.family = familyOf(call, options.Get("family"));
  plan.protocol = protocolOf(call, options.Get("protocol"));
  if (const Napi::Value bind = options.Get("bind"); !bind.IsUndefined()) plan.bind = addressOf(call, bind, plan.family);
  if (const Napi::Value connect = options.Get("connect"); !connect.IsUndefined())
    plan.connect = addressOf(call, connect, plan.family);
  if (const Napi::Value device = options.Get("device"); !device.IsUndefined())
    plan.device = textOf(call, device, "device");
  if (const Napi::Value v6only = options.Get("v6only"); !v6only.IsUndefined()) plan.v6only = v6only.ToBoolean();
  plan.freebind = options.Get("freebind").ToBoolean();
  plan.reuseport = options.Get("reuseport").ToBoolean();
  if (const Napi::Value listen = options.Get("listen"); !listen.IsUndefined())
    plan.listen = static_cast<int>(integerOf(call, listen, "listen", INT32_MAX));
  if (plan.listen && plan.connect) call.invalid("a socket cannot both listen and connect");
  return plan;
}

int set(const Descriptor& socket, int level, int option, int value) {
  return setsockopt(socket.get(), level, option, &value, sizeof value);
}

Outcome make(const SocketPlan& plan, Descriptor& made) {
  const bool tcp = plan.protocol == IPPROTO_TCP;
  const int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  Descriptor socket(::socket(plan.family, type, plan.protocol));
  if (!socket.open()) return {errno, "socket"};
  // A listener must be able to follow one whose connections are still in TIME_WAIT.
  if (tcp && plan.listen && set(socket, SOL_SOCKET, SO_REUSEADDR, 1) < 0) return {errno, "setsockopt", "SO_REUSEADDR"};
  if (plan.reuseport && set(socket, SOL_SOCKET, SO_REUSEPORT, 1) < 0) return {errno, "setsockopt", "SO_REUSEPORT"};
  // Of sockets of both families (do_ip_setsockopt).
  if (plan.freebind && set(socket, IPPROTO_IP, IP_FREEBIND, 1) < 0) return {errno, "setsockopt", "IP_FREEBIND"};
  if (plan.v6only && set(socket, IPPROTO_IPV6, IPV6_V6ONLY, *plan.v6only) < 0)
    return {errno, "setsockopt", "IPV6_V6ONLY"};
  const auto deviceLength = static_cast<socklen_t>(plan.device.size());
  if (deviceLength > 0 && setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, plan.device.data(), deviceLength) < 0)
    return {errno, "setsockopt", "SO_BINDTODEVICE " + plan.device};
  if (plan.bind) {
    // The port is then chosen at connect, when the peer is known and ports can be shared.
    if (plan.connect && plan.bind->port() == 0 && set(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1) < 0)
      return {errno, "setsockopt", "IP_BIND_ADDRESS_NO_PORT"};
    if (bind(socket.get(), plan.bind->pointer(), plan.bind->length) < 0) return {errno, "bind"};
  }
  if (tcp && plan.listen && listen(socket.get(), *plan.listen) < 0) return {errno, "listen"};
  if (plan.connect && connect(socket.get(), plan.connect->pointer(), plan.connect->length) < 0 && errno != EINPROGRESS)
    return {errno, "connect"};
  made = std::move(socket);
  return {};
}

int descriptorArgument(const Call& call, Napi::Value value) {
  return static_cast<int>(integerOf(call, value, "fd", INT32_MAX));
}

}  // namespace

Napi::Value socketIn(const Napi::CallbackInfo& info) {
  Call call{info.Env(), "socket_in", ""};
  call.object = textOf(call, info[0], "the path");
  const SocketPlan plan = planOf(call, info[1]);
  Descriptor made;
  insideNamespace(info.Env(), call.object, [&] { return make(plan, made); });
  const Napi::Number number = Napi::Number::New(info.Env(), made.get());
  made.release();
  return number;
}

Napi::Value socketCookie(const Napi::CallbackInfo& info) {
  Call call{info.Env(), "socket_cookie", ""};
  const int fd = descriptorArgument(call, info[0]);
  call.object = "fd " + std::to_string(fd);
  uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0) call.fail(errno);
  return Napi::BigInt::New(info.Env(), cookie);
}

Napi::Value peer(const Napi::CallbackInfo& info) {
  Call call{info.Env(), "socket_peer", ""};
  const int fd = descriptorArgument(call, info[0]);
  call.object = "fd " + std::to_string(fd);
  ucred credentials = {};
  socklen_t length = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) call.fail(errno);
  // Any other socket answers with nobody (-1) rather than an error. A pid of 0 is a peer outside our pid namespace.
  if (credentials.uid == static_cast<uid_t>(-1)) call.fail(ENOTCONN, "no connected Unix socket");
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("uid", credentials.uid);
  object.Set("gid", credentials.gid);
  object.Set("pid", credentials.pid);
  return object;
}

}  // namespace weft
