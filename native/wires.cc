#include "wires.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "argument.h"
#include "environment.h"

namespace weft {

namespace {

/** A wire's number: its place in the lower bits, above them how many wires had this place before. */
constexpr unsigned placeBits = 12;
constexpr uint32_t mostWires = 1u << placeBits;
constexpr uint32_t lastGeneration = (1u << (31 - placeBits)) - 1;

/** Wires that are read for one call of JavaScript; `input` has room for at least `leastShare` bytes of each. */
constexpr int mostReady = 32;
/** Such calls in one turn of the event loop. */
constexpr int mostRounds = 32;
constexpr size_t leastShare = 16u << 10;
constexpr size_t mostShare = 64u << 10;

/** Values of an event and of an order. */
constexpr size_t eventLength = 2;
constexpr size_t orderLength = 3;

struct Words {
  int32_t* data;
  size_t length;
};

Words wordsOf(const Call& call, Napi::Value value, const char* what) {
  napi_typedarray_type type;
  size_t length;
  void* data;
  const napi_status status = napi_get_typedarray_info(call.env, value, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_int32_array) call.invalid(std::string(what) + " must be an Int32Array");
  return {static_cast<int32_t*>(data), length};
}

}  // namespace

/** libuv's half, which it gives back only after its next turn. */
struct Wires::Poll {
  uv_poll_t handle = {};
  Wires* owner = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;

  uv_handle_t* base() { return reinterpret_cast<uv_handle_t*>(&handle); }

  static void closed(uv_handle_t* handle) {
    auto* poll = static_cast<Poll*>(handle->data);
    napi_remove_async_cleanup_hook(poll->hook);
    delete poll;
  }
};

Napi::Function Wires::define(Napi::Env env) {
  return DefineClass(env, "NativeWires",
                     {InstanceMethod<&Wires::add>("add"), InstanceMethod<&Wires::remove>("remove"),
                      InstanceMethod<&Wires::setReading>("setReading"), InstanceMethod<&Wires::send>("send"),
                      InstanceMethod<&Wires::close>("close")});
}

Wires::Wires(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Wires>(info) {}

Wires::~Wires() { release(); }

Napi::Object Wires::open(Napi::Env env, Napi::Object parts) {
  const Call call{env, "wires_open", ""};
  const Napi::Value input = parts.Get("input");
  const Napi::Value events = parts.Get("events");
  const Napi::Value output = parts.Get("output");
  const Napi::Value orders = parts.Get("orders");
  const Napi::Value ready = parts.Get("ready");
  if (bytesOf(call, input, "input").length < mostReady * leastShare) call.invalid("input is too short");
  if (wordsOf(call, events, "events").length < mostReady * eventLength) call.invalid("events is too short");
  bytesOf(call, output, "output");
  wordsOf(call, orders, "orders");
  if (!ready.IsFunction()) call.invalid("ready must be a function");

  Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.open()) call.fail(errno, "epoll_create1");
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) call.fail(ENOSYS, "there is no event loop");

  Napi::Object holder;
  Wires* wires = create<Wires>(Environment::of(env).wires, holder);
  auto* poll = new Poll;
  if (const int error = uv_poll_init(loop, &poll->handle, epoll.get()); error < 0) {
    delete poll;
    call.fail(-error, "uv_poll_init");
  }
  poll->handle.data = poll;
  poll->owner = wires;
  // What an environment that ends leaves open is closed while its loop still turns.
  const auto end = [](napi_async_cleanup_hook_handle, void* data) {
    auto* ended = static_cast<Poll*>(data);
    if (ended->owner != nullptr) ended->owner->release();
  };
  napi_add_async_cleanup_hook(env, end, poll, &poll->hook);
  wires->epoll_ = std::move(epoll);
  wires->poll_ = poll;
  wires->input_ = Napi::Persistent(input.As<Napi::Object>());
  wires->events_ = Napi::Persistent(events.As<Napi::Object>());
  wires->output_ = Napi::Persistent(output.As<Napi::Object>());
  wires->orders_ = Napi::Persistent(orders.As<Napi::Object>());
  wires->ready_ = Napi::Persistent(ready.As<Napi::Function>());
  wires->Ref();
  uv_poll_start(&poll->handle, UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<Poll*>(handle->data)->owner->receive(); });
  uv_unref(poll->base());
  return holder;
}

Call Wires::callOn(const Napi::CallbackInfo& info, const char* operation) {
  const Call call{info.Env(), operation, ""};
  if (poll_ == nullptr) call.fail(EBADF, "the wires are closed");
  return call;
}

Wires::Wire* Wires::find(uint32_t number) {
  const uint32_t place = number & (mostWires - 1);
  if (place >= wires_.size()) return nullptr;
  Wire& wire = wires_[place];
  return wire.descriptor.open() && wire.generation == number >> placeBits ? &wire : nullptr;
}

int Wires::watch(uint32_t place, int operation) {
  const Wire& wire = wires_[place];
  epoll_event wanted = {};
  if (wire.isReading) wanted.events = EPOLLIN;
  wanted.data.u32 = wire.generation << placeBits | place;
  return epoll_ctl(epoll_.get(), operation, wire.descriptor.get(), &wanted) < 0 ? errno : 0;
}

Napi::Value Wires::add(const Napi::CallbackInfo& info) {
  Call call = callOn(info, "wires_add");
  const auto fd = static_cast<int>(integerOf(call, info[0], "fd", INT32_MAX));
  call.object = "fd " + std::to_string(fd);
  if (free_.empty()) {
    if (wires_.size() == mostWires) call.fail(ENOSPC);
    wires_.emplace_back();
    free_.push_back(static_cast<uint32_t>(wires_.size() - 1));
  }
  const uint32_t place = free_.back();
  Wire& wire = wires_[place];
  wire.descriptor = Descriptor::duplicate(fd);
  if (!wire.descriptor.open()) call.fail(errno);
  wire.generation = wire.generation == lastGeneration ? 0 : wire.generation + 1;
  wire.isReading = true;
  wire.stalledIn = 0;
  if (const int number = watch(place, EPOLL_CTL_ADD); number != 0) {
    wire.descriptor.close();
    call.fail(number, "epoll_ctl");
  }
  free_.pop_back();
  if (open_++ == 0) uv_ref(poll_->base());
  return Napi::Number::New(info.Env(), wire.generation << placeBits | place);
}

void Wires::remove(const Napi::CallbackInfo& info) {
  const Call call = callOn(info, "wires_remove");
  const auto number = static_cast<uint32_t>(integerOf(call, info[0], "wire", INT32_MAX));
  Wire* wire = find(number);
  if (wire == nullptr) return;
  const uint32_t place = number & (mostWires - 1);
  // Not by the close below: the file lives on in its owner's descriptor, and would go on to be watched.
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, wire->descriptor.get(), nullptr);
  wire->descriptor.close();
  free_.push_back(place);
  if (--open_ == 0) uv_unref(poll_->base());
}

void Wires::setReading(const Napi::CallbackInfo& info) {
  const Call call = callOn(info, "wires_set_reading");
  const auto number = static_cast<uint32_t>(integerOf(call, info[0], "wire", INT32_MAX));
  const bool isWanted = info[1].ToBoolean();
  Wire* wire = find(number);
  if (wire == nullptr || wire->isReading == isWanted) return;
  wire->isReading = isWanted;
  if (const int error = watch(number & (mostWires - 1), EPOLL_CTL_MOD); error != 0) call.fail(error, "epoll_ctl");
}

void Wires::receive() {
  const Napi::Env env = Env();
  const Napi::HandleScope scope(env);
  // What is called below may close the wires and let go of them: this handle keeps them.
  [[maybe_unused]] const Napi::Object self = Value();
  try {
    for (int round = 0; round < mostRounds && poll_ != nullptr; round++) {
      epoll_event ready[mostReady];
      const int count = epoll_wait(epoll_.get(), ready, mostReady, 0);
      if (count <= 0) return;
      const uint32_t events = take(ready, count);
      if (events > 0) ready_.MakeCallback(env.Global(), {Napi::Number::New(env, events)});
      if (count < mostReady) return;
    }
  } catch (const Napi::Error& error) {
    // There is no JavaScript below that could catch it.
    napi_fatal_exception(env, error.Value());
  }
}

uint32_t Wires::take(const epoll_event* ready, int count) {
  const Call call{Env(), "wires_receive", ""};
  const Bytes input = bytesOf(call, input_.Value(), "input");
  const Words events = wordsOf(call, events_.Value(), "events");
  // A buffer that was given away has length 0.
  if (input.length < mostReady * leastShare || events.length < mostReady * eventLength)
    call.invalid("the buffers are gone");
  auto* at = const_cast<uint8_t*>(input.data);
  size_t left = input.length;
  uint32_t filled = 0;
  for (int i = 0; i < count; i++) {
    const Wire* wire = find(ready[i].data.u32);
    if (wire == nullptr) continue;
    ssize_t length = 0;
    if (wire->isReading) {
      const size_t share = std::min(mostShare, left / static_cast<size_t>(count - i));
      length = recv(wire->descriptor.get(), at, share, MSG_DONTWAIT);
      if (length < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    }
    events.data[filled * eventLength] = static_cast<int32_t>(ready[i].data.u32);
    events.data[filled * eventLength + 1] = length < 0 ? -errno : static_cast<int32_t>(length);
    filled++;
    if (length <= 0) continue;
    at += length;
    left -= static_cast<size_t>(length);
  }
  return filled;
}

void Wires::send(const Napi::CallbackInfo& info) {
  const Call call = callOn(info, "wires_send");
  const Bytes output = bytesOf(call, output_.Value(), "output");
  const Words orders = wordsOf(call, orders_.Value(), "orders");
  const size_t count = integerOf(call, info[0], "count", orders.length / orderLength);
  for (size_t i = 0; i < count; i++) {
    const int32_t* order = orders.data + i * orderLength;
    if (order[1] < 0 || order[2] < 0 || static_cast<size_t>(order[1]) > output.length ||
        static_cast<size_t>(order[2]) > output.length - static_cast<size_t>(order[1]))
      call.invalid("an order reaches past the output");
  }
  calls_++;
  for (size_t i = 0; i < count; i++) {
    int32_t* order = orders.data + i * orderLength;
    order[2] = sendOn(find(static_cast<uint32_t>(order[0])), output.data + order[1], static_cast<size_t>(order[2]));
  }
}

int32_t Wires::sendOn(Wire* wire, const uint8_t* data, size_t length) {
  if (wire == nullptr) return -EBADF;
  if (wire->stalledIn == calls_) return -EAGAIN;
  const ssize_t sent = ::send(wire->descriptor.get(), data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(length)) return static_cast<int32_t>(sent);
  // What is ordered behind it must not overtake the rest.
  wire->stalledIn = calls_;
  return sent < 0 ? -errno : static_cast<int32_t>(sent);
}

void Wires::release() {
  if (poll_ == nullptr) return;
  poll_->owner = nullptr;
  uv_close(std::exchange(poll_, nullptr)->base(), Poll::closed);
  wires_.clear();
  free_.clear();
  open_ = 0;
  epoll_.close();
  for (Napi::ObjectReference* each : {&input_, &events_, &output_, &orders_}) each->Reset();
  ready_.Reset();
  Unref();
}

void Wires::close(const Napi::CallbackInfo&) { release(); }

Napi::Value openWires(const Napi::CallbackInfo& info) {
  if (!info[0].IsObject()) Call{info.Env(), "wires_open", ""}.invalid("the parts must be an object");
  return Wires::open(info.Env(), info[0].As<Napi::Object>());
}

}  // namespace weft
