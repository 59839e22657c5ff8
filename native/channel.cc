#include "channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "ancillary.h"
#include "argument.h"
#include "blank.h"
#include "descriptor.h"
#include "environment.h"

namespace weft {

namespace {

using Clock = std::chrono::steady_clock;

/** How long the broker has for an answer: a worker does nothing else meanwhile. */
constexpr std::chrono::milliseconds brokerPatience{1000};

constexpr uint64_t mostMessageBytes = 64u << 10;

Call channelCall(const Napi::CallbackInfo& info, const char* operation, int& channel) {
  Call call{info.Env(), operation, ""};
  channel = static_cast<int>(integerOf(call, info[0], "channel", INT32_MAX));
  call.object = "fd " + std::to_string(channel);
  return call;
}

/** Waits until there is something to read. 0, ETIMEDOUT or the errno. */
int await(int channel, Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd waited = {channel, POLLIN, 0};
    const int ready = poll(&waited, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready > 0) return (waited.revents & POLLNVAL) != 0 ? EBADF : 0;
    if (ready == 0) return ETIMEDOUT;
    if (errno != EINTR) return errno;
  }
}

Napi::Array handOver(Napi::Env env, std::vector<Descriptor>& descriptors) {
  Napi::Array array = Napi::Array::New(env, descriptors.size());
  for (uint32_t i = 0; i < descriptors.size(); i++) array.Set(i, descriptors[i].get());
  for (Descriptor& each : descriptors) each.release();
  return array;
}

}  // namespace

Napi::Value socketPair(const Napi::CallbackInfo& info) {
  const Call call{info.Env(), "socketpair", "a channel"};
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) call.fail(errno);
  std::vector<Descriptor> pair;
  pair.emplace_back(ends[0]);
  pair.emplace_back(ends[1]);
  return handOver(info.Env(), pair);
}

void sendDescriptors(const Napi::CallbackInfo& info) {
  int channel;
  const Call call = channelCall(info, "send_descriptors", channel);
  const Bytes message = bytesOf(call, info[1], "the message");
  if (message.length == 0 || message.length > mostMessageBytes) call.invalid("the message must have 1 to 65536 bytes");
  if (!info[2].IsArray()) call.invalid("fds must be an array");
  const auto array = info[2].As<Napi::Array>();
  if (array.Length() > mostDescriptors) call.invalid("more than " + std::to_string(mostDescriptors) + " descriptors");
  std::vector<int> descriptors;
  for (uint32_t i = 0; i < array.Length(); i++)
    descriptors.push_back(static_cast<int>(integerOf(call, array.Get(i), "a descriptor", INT32_MAX)));
  const bool waits = !info[3].IsBoolean() || info[3].As<Napi::Boolean>().Value();
  const int flags = waits ? 0 : MSG_DONTWAIT;
  const int number = sendMessage(channel, message.data, message.length, descriptors.data(), descriptors.size(), flags);
  if (number != 0) call.fail(number);
}

Napi::Value receiveDescriptors(const Napi::CallbackInfo& info) {
  int channel;
  const Call call = channelCall(info, "receive_descriptors", channel);
  const uint64_t limit = integerOf(call, info[1], "limitBytes", mostMessageBytes);
  const uint64_t timeout = integerOf(call, info[2], "timeoutMs", INT32_MAX);
  int number = await(channel, Clock::now() + std::chrono::milliseconds(timeout));
  if (number == ETIMEDOUT) return info.Env().Null();
  if (number != 0) call.fail(number);
  std::vector<uint8_t> bytes(limit);
  Message message;
  number = receiveMessage(channel, bytes.data(), limit, message, MSG_DONTWAIT);
  if (number == EAGAIN) return info.Env().Null();
  if (number != 0) call.fail(number);
  if (message.length == 0) call.fail(EPIPE, "the other side has closed");
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("message", toArray(info.Env(), bytes.data(), message.length));
  object.Set("fds", handOver(info.Env(), message.descriptors));
  return object;
}

Napi::Value blankSockets(const Napi::CallbackInfo& info) {
  int channel;
  const Call call = channelCall(info, "blank_sockets", channel);
  BlankRequest request = {};
  request.version = blankVersion;
  request.netns = static_cast<uint32_t>(integerOf(call, info[1], "namespace", UINT32_MAX));
  request.family = static_cast<uint8_t>(integerOf(call, info[2], "family", 6));
  request.count = static_cast<uint16_t>(integerOf(call, info[3], "count", mostBlank));
  request.sequence = ++Environment::of(info.Env()).blankSequence;
  if (request.family != 4 && request.family != 6) call.invalid("family must be 4 or 6");
  if (request.count == 0) call.invalid("count must be above 0");

  const Clock::time_point end = Clock::now() + brokerPatience;
  int number = sendMessage(channel, &request, sizeof request, nullptr, 0, MSG_DONTWAIT);
  if (number != 0) call.fail(number);
  for (;;) {
    number = await(channel, end);
    if (number != 0) call.fail(number);
    BlankReply reply = {};
    Message message;
    number = receiveMessage(channel, &reply, sizeof reply, message, MSG_DONTWAIT);
    if (number != 0) call.fail(number);
    if (message.length == 0) call.fail(EPIPE, "the broker has ended");
    if (message.length != sizeof reply) call.fail(EPROTO, std::to_string(message.length) + " bytes");
    if (reply.sequence != request.sequence) continue;  // of a request that was given up
    if (reply.count != message.descriptors.size() || reply.netns != request.netns) call.fail(EPROTO);
    if (message.descriptors.empty()) call.fail(reply.error == 0 ? EPROTO : reply.error);
    return handOver(info.Env(), message.descriptors);
  }
}

}  // namespace weft
