#include "error.h"

#include <cerrno>
#include <cstring>

namespace weft {

namespace {

/** The kernel's internal "operation not supported", which bpf(2) lets through to user space. */
constexpr int kernelNotSupported = 524;

/** What an operator can do about a failure, or nullptr. */
const char* remedy(const Failure& failure) {
  const bool loads = failure.operation == "prog_load" || failure.operation == "map_create" ||
                     failure.operation == "link_create" || failure.operation == "obj_get" ||
                     failure.operation == "object_load";
  if (failure.number == EPERM && loads)
    return "needs CAP_BPF and CAP_NET_ADMIN (and CAP_SYS_ADMIN before Linux 5.8) outside a user namespace";
  if (failure.number == EPERM && failure.operation == "setns") return "needs CAP_SYS_ADMIN";
  if (failure.number == ENOMEM && loads) return "raise the memory cgroup's limit; before Linux 5.11, RLIMIT_MEMLOCK";
  if (failure.number == EACCES && failure.operation == "prog_load") return "the verifier refused it; the log says why";
  if (failure.number == E2BIG && failure.operation == "map_update")
    return "the map is full, or the index is past its end";
  return nullptr;
}

/** What an errno means, in words. */
const char* description(int number) {
  if (number == kernelNotSupported) return "Operation not supported by this kernel";
  const char* words = strerrordesc_np(number);
  return words != nullptr ? words : "unknown error";
}

std::string message(const Failure& failure) {
  std::string text = failure.operation;
  if (!failure.object.empty()) text += " of " + failure.object;
  text += ": ";
  if (!failure.detail.empty()) text += failure.detail + ": ";
  text += errnoName(failure.number);
  text += ", ";
  text += description(failure.number);
  if (const char* advice = remedy(failure)) text += std::string(" (") + advice + ")";
  return text;
}

}  // namespace

std::string errnoName(int number) {
  if (number == kernelNotSupported) return "ENOTSUPP";
  const char* name = strerrorname_np(number);
  return name != nullptr ? name : "E" + std::to_string(number);
}

void raise(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, message(failure));
  error.Set("operation", Napi::String::New(env, failure.operation));
  error.Set("object", Napi::String::New(env, failure.object));
  error.Set("code", Napi::String::New(env, errnoName(failure.number)));
  error.Set("errno", Napi::Number::New(env, failure.number));
  error.Set("log", Napi::String::New(env, failure.log));
  if (failure.done) error.Set("done", Napi::Number::New(env, *failure.done));
  throw error;
}

}  // namespace weft
