#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>

namespace weft {

/** What failed, in the one shape JavaScript sees. `number` is a positive errno. */
struct Failure {
  std::string operation;
  std::string object;
  int number = 0;
  /** What a reader needs beyond the errno; may be empty. */
  std::string detail = {};
  /** The verifier's log; may be empty. */
  std::string log = {};
  /** Of a batch: how many of its items took effect before the failure. */
  std::optional<uint32_t> done = {};
};

/** The name of an errno, for example "EPERM"; also of the kernel's own 524, ENOTSUPP. */
std::string errnoName(int number);

/** Throws `failure` as an Error with {operation, object, code, errno, log} and, of a batch, {done}. */
[[noreturn]] void raise(Napi::Env env, const Failure& failure);

}  // namespace weft
