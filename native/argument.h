#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace weft {

/** Bytes lent by JavaScript for the length of one call. */
struct Bytes {
  const uint8_t* data = nullptr;
  size_t length = 0;
};

/** Names a call in its errors: what is tried, and on what. */
struct Call {
  Napi::Env env;
  const char* operation;
  std::string object;

  /** Throws EINVAL with `detail`. */
  [[noreturn]] void invalid(const std::string& detail) const;
  /** Throws errno `number`. */
  [[noreturn]] void fail(int number, const std::string& detail = {}) const;
};

/** A Uint8Array's bytes, of any length. */
Bytes bytesOf(const Call& call, Napi::Value value, const char* what);
/** A Uint8Array's bytes, exactly `length` of them. */
Bytes bytesOf(const Call& call, Napi::Value value, const char* what, uint64_t length);
/** An integer from 0 to `most`. */
uint64_t integerOf(const Call& call, Napi::Value value, const char* what, uint64_t most);
/** A string without NUL: one that means the same to the kernel. */
std::string textOf(const Call& call, Napi::Value value, const char* what);

/** A new Uint8Array with a copy of the bytes. */
Napi::Uint8Array toArray(Napi::Env env, const void* data, size_t length);

}  // namespace weft
