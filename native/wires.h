#pragma once

#include <napi.h>
#include <sys/epoll.h>
#include <uv.h>

#include <cstdint>
#include <vector>

#include "argument.h"
#include "descriptor.h"

namespace weft {

/**
 * Connected sockets whose bytes are moved in batches: one call of JavaScript for all that are ready to be read, one call from it for all that is to be
 * written. It has descriptors of its own, so a socket that its owner closes stays the same file here until it is removed.
 */
class Wires : public Napi::ObjectWrap<Wires> {
 public:
  static Napi::Function define(Napi::Env env);
  /** openWires({input, events, output, orders, ready}). */
  static Napi::Object open(Napi::Env env, Napi::Object parts);
  explicit Wires(const Napi::CallbackInfo& info);
  ~Wires() override;

 private:
  struct Wire {
    Descriptor descriptor;
    /** Tells the wires apart that had this place one after the other. */
    uint32_t generation = 0;
    bool isReading = false;
    /** The call of `send` in which the kernel last took less than all. */
    uint32_t stalledIn = 0;
  };

  struct Poll;

  Napi::Value add(const Napi::CallbackInfo& info);
  void remove(const Napi::CallbackInfo& info);
  void setReading(const Napi::CallbackInfo& info);
  void send(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  void release();

  Call callOn(const Napi::CallbackInfo& info, const char* operation);
  /** The wire with this number, or null when it was removed. */
  Wire* find(uint32_t number);
  int watch(uint32_t place, int operation);
  void receive();
  uint32_t take(const epoll_event* ready, int count);
  int32_t sendOn(Wire* wire, const uint8_t* data, size_t length);

  Descriptor epoll_;
  Poll* poll_ = nullptr;
  std::vector<Wire> wires_;
  std::vector<uint32_t> free_;
  uint32_t open_ = 0;
  uint32_t calls_ = 0;
  Napi::FunctionReference ready_;
  Napi::ObjectReference input_;
  Napi::ObjectReference events_;
  Napi::ObjectReference output_;
  Napi::ObjectReference orders_;
};

/** openWires(parts). */
Napi::Value openWires(const Napi::CallbackInfo& info);

}  // namespace weft
