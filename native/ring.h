#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "argument.h"
#include "descriptor.h"

namespace weft {

/**
 * The reading side of a BPF_MAP_TYPE_RINGBUF, mapped as kernel/bpf/ringbuf.c lays it out: a page with the consumer's
 * position (ours to write), a page with the producer's, then the data twice in a row so that no record is cut.
 */
class Ring : public Napi::ObjectWrap<Ring> {
 public:
  static Napi::Function define(Napi::Env env);
  /** Takes over `descriptor`, a ring of `size` data bytes. */
  static Napi::Object wrap(Napi::Env env, Descriptor descriptor, uint32_t size, const std::string& name);
  explicit Ring(const Napi::CallbackInfo& info);
  ~Ring() override;

 private:
  Napi::Value drain(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  void release();

  Descriptor descriptor_;
  std::string name_;
  size_t page_ = 0;
  uint64_t size_ = 0;
  uint8_t* consumer_ = nullptr;
  const uint8_t* producer_ = nullptr;
};

/** openRing(map). */
Napi::Value openRing(const Napi::CallbackInfo& info);

}  // namespace weft
