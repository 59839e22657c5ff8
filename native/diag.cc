#include "diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "address.h"
#include "descriptor.h"
#include "environment.h"
#include "map.h"
#include "netns.h"

namespace weft {

namespace {

constexpr size_t replyBytes = 256u << 10;

struct DiagRecord {
  inet_diag_msg message;
  std::optional<std::vector<uint8_t>> storage;
};

/** A request with room for one nested attribute: the storage map's descriptor. */
struct DiagRequest {
  nlmsghdr header = {};
  inet_diag_req_v2 request = {};
  nlattr storages = {};
  nlattr mapAttribute = {};
  uint32_t mapFd = 0;
};
static_assert(sizeof(DiagRequest) ==
              sizeof(nlmsghdr) + sizeof(inet_diag_req_v2) + 2 * sizeof(nlattr) + sizeof(uint32_t));

Outcome openDiag(Descriptor& socket) {
  socket = Descriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  return socket.open() ? Outcome{} : Outcome{errno, "sock_diag"};
}

/** Walks netlink attributes in [data, data+length); `visit` gets type, payload, payload length. */
template <class Visit>
void eachAttribute(const uint8_t* data, size_t length, const Visit& visit) {
  while (length >= sizeof(nlattr)) {
    nlattr attribute;
    memcpy(&attribute, data, sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > length) return;
    visit(attribute.nla_type & NLA_TYPE_MASK, data + NLA_HDRLEN, size_t{attribute.nla_len} - NLA_HDRLEN);
    const size_t step = NLA_ALIGN(attribute.nla_len);
    if (step >= length) return;
    data += step;
    length -= step;
  }
}

/** A socket and, of TCP, its storage: inet_sk_diag_fill() leaves a UDP socket's out (seen on Linux 6.18). */
DiagRecord parse(const inet_diag_msg& message, const uint8_t* attributes, size_t length) {
  DiagRecord record{message, {}};
  eachAttribute(attributes, length, [&](int type, const uint8_t* storages, size_t storagesLength) {
    if (type != INET_DIAG_SK_BPF_STORAGES) return;
    eachAttribute(storages, storagesLength, [&](int inner, const uint8_t* storage, size_t storageLength) {
      if (inner != SK_DIAG_BPF_STORAGE) return;
      eachAttribute(storage, storageLength, [&](int field, const uint8_t* value, size_t valueLength) {
        if (field == SK_DIAG_BPF_STORAGE_MAP_VALUE) record.storage.emplace(value, value + valueLength);
      });
    });
  });
  return record;
}

/** True when the record's peer is `remote`, comparing 4 or 16 bytes. */
bool isPeer(const inet_diag_msg& message, const Address& remote) {
  const size_t length = message.idiag_family == AF_INET ? 4 : 16;
  return ntohs(message.id.idiag_dport) == remote.port() && memcmp(message.id.idiag_dst, remote.bytes(), length) == 0;
}

Outcome dump(int family, int protocol, int storageFd, const std::optional<Address>& remote,
             std::vector<DiagRecord>& records) {
  Descriptor socket;
  if (const Outcome outcome = openDiag(socket); outcome.number != 0) return outcome;

  DiagRequest request;
  const size_t bare = sizeof request.header + sizeof request.request;
  request.header.nlmsg_len = static_cast<uint32_t>(storageFd < 0 ? bare : sizeof request);
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.request.sdiag_family = static_cast<uint8_t>(family);
  request.request.sdiag_protocol = static_cast<uint8_t>(protocol);
  request.request.idiag_states = ~0u;
  request.storages.nla_type = INET_DIAG_REQ_SK_BPF_STORAGES | NLA_F_NESTED;
  request.storages.nla_len = 2 * sizeof(nlattr) + sizeof(uint32_t);
  request.mapAttribute.nla_type = SK_DIAG_BPF_STORAGE_REQ_MAP_FD;
  request.mapAttribute.nla_len = sizeof(nlattr) + sizeof(uint32_t);
  request.mapFd = static_cast<uint32_t>(storageFd);
  if (send(socket.get(), &request, request.header.nlmsg_len, 0) < 0) return {errno, "sock_diag"};

  std::vector<uint8_t> reply(replyBytes);
  for (;;) {
    const ssize_t received = recv(socket.get(), reply.data(), reply.size(), MSG_TRUNC);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return {errno, "sock_diag"};
    if (static_cast<size_t>(received) > reply.size())
      return {EMSGSIZE, "sock_diag", "a reply of " + std::to_string(received) + " bytes"};
    auto left = static_cast<int>(received);
    auto* header = reinterpret_cast<nlmsghdr*>(reply.data());
    for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
      const auto* payload = static_cast<const uint8_t*>(NLMSG_DATA(header));
      const size_t length = header->nlmsg_len - NLMSG_HDRLEN;
      if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
        int number = 0;  // the dump's result, or the refusal: both begin with a negative errno
        if (length >= sizeof number) memcpy(&number, payload, sizeof number);
        return number == 0 ? Outcome{} : Outcome{-number, "sock_diag"};
      }
      if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || length < sizeof(inet_diag_msg)) continue;
      inet_diag_msg message;
      memcpy(&message, payload, sizeof message);
      if (message.idiag_family != family || (remote && !isPeer(message, *remote))) continue;
      const size_t skip = NLMSG_ALIGN(sizeof message);
      records.push_back(parse(message, payload + skip, length > skip ? length - skip : 0));
    }
  }
}

uint64_t cookieOf(const inet_diag_sockid& id) { return uint64_t{id.idiag_cookie[1]} << 32 | id.idiag_cookie[0]; }

Napi::Object endpoint(Napi::Env env, int family, const __be32* bytes, __be16 port) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("address", addressText(family, bytes));
  object.Set("port", ntohs(port));
  return object;
}

Napi::Object describe(Napi::Env env, const DiagRecord& record, int protocol) {
  const inet_diag_msg& message = record.message;
  Napi::Object object = Napi::Object::New(env);
  object.Set("family", message.idiag_family == AF_INET ? 4 : 6);
  object.Set("protocol", protocol == IPPROTO_TCP ? "TCP" : "UDP");
  object.Set("state", message.idiag_state);
  object.Set("local", endpoint(env, message.idiag_family, message.id.idiag_src, message.id.idiag_sport));
  object.Set("remote", endpoint(env, message.idiag_family, message.id.idiag_dst, message.id.idiag_dport));
  object.Set("cookie", Napi::BigInt::New(env, cookieOf(message.id)));
  object.Set("interface", message.id.idiag_if);
  object.Set("inode", message.idiag_inode);
  object.Set("storage", env.Null());
  if (record.storage) object.Set("storage", toArray(env, record.storage->data(), record.storage->size()));
  return object;
}

/** SOCK_DESTROY, acknowledged. The kernel's answer is in `number`. */
Outcome destroy(const inet_diag_req_v2& which, int& number) {
  Descriptor socket;
  if (const Outcome outcome = openDiag(socket); outcome.number != 0) return outcome;
  struct {
    nlmsghdr header;
    inet_diag_req_v2 request;
  } message = {};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = SOCK_DESTROY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  message.request = which;
  if (send(socket.get(), &message, sizeof message, 0) < 0) return {errno, "sock_destroy"};
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } reply = {};
  ssize_t received;
  do received = recv(socket.get(), &reply, sizeof reply, 0);
  while (received < 0 && errno == EINTR);
  if (received < 0) return {errno, "sock_destroy"};
  if (static_cast<size_t>(received) < NLMSG_HDRLEN + sizeof(int) || reply.header.nlmsg_type != NLMSG_ERROR)
    return {EBADMSG, "sock_destroy"};
  number = -reply.error.error;
  return {};
}

}  // namespace

Napi::Value sockets(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Call call{env, "sock_diag", ""};
  call.object = textOf(call, info[0], "the path");
  if (!info[1].IsObject()) call.invalid("the query must be an object");
  const auto query = info[1].As<Napi::Object>();
  const int family = familyOf(call, query.Get("family"));
  const int protocol = protocolOf(call, query.Get("protocol"));
  std::optional<Address> remote;
  if (const Napi::Value value = query.Get("remote"); !value.IsUndefined()) remote = addressOf(call, value, family);
  int storageFd = -1;
  if (const Napi::Value value = query.Get("storage"); !value.IsUndefined())
    storageFd = unwrap<Map>(call, value, "NativeMap")->use(call);

  std::vector<DiagRecord> records;
  insideNamespace(env, call.object, [&] { return dump(family, protocol, storageFd, remote, records); });
  Napi::Array list = Napi::Array::New(env, records.size());
  for (uint32_t i = 0; i < records.size(); i++) {
    const Napi::HandleScope scope(env);
    list.Set(i, describe(env, records[i], protocol));
  }
  return list;
}

Napi::Value destroySocket(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Call call{env, "sock_destroy", ""};
  call.object = textOf(call, info[0], "the path");
  if (!info[1].IsObject()) call.invalid("the socket must be an object");
  const auto socket = info[1].As<Napi::Object>();
  const int family = familyOf(call, socket.Get("family"));
  const Address local = addressOf(call, socket.Get("local"), family);
  const Address remote = addressOf(call, socket.Get("remote"), family);
  const Napi::Value cookie = socket.Get("cookie");
  if (!cookie.IsBigInt()) call.invalid("cookie must be a bigint");
  bool lossless = false;
  const uint64_t number = cookie.As<Napi::BigInt>().Uint64Value(&lossless);

  inet_diag_req_v2 request = {};
  request.sdiag_family = static_cast<uint8_t>(family);
  request.sdiag_protocol = static_cast<uint8_t>(protocolOf(call, socket.Get("protocol")));
  request.idiag_states = ~0u;
  request.id.idiag_sport = htons(local.port());
  request.id.idiag_dport = htons(remote.port());
  const size_t length = family == AF_INET ? 4 : 16;
  memcpy(request.id.idiag_src, local.bytes(), length);
  memcpy(request.id.idiag_dst, remote.bytes(), length);
  request.id.idiag_if = static_cast<uint32_t>(integerOf(call, socket.Get("interface"), "interface", INT32_MAX));
  request.id.idiag_cookie[0] = static_cast<uint32_t>(number);
  request.id.idiag_cookie[1] = static_cast<uint32_t>(number >> 32);

  int answer = 0;
  insideNamespace(env, call.object, [&] { return destroy(request, answer); });
  // ENOENT: no such socket. ESTALE: its place belongs to another one by now.
  if (answer != 0 && answer != ENOENT && answer != ESTALE) call.fail(answer);
  return Napi::Boolean::New(env, answer == 0);
}

}  // namespace weft
