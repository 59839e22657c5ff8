#include "argument.h"

#include <cerrno>
#include <cmath>
#include <cstring>

#include "error.h"

namespace weft {

void Call::fail(int number, const std::string& detail) const { raise(env, {operation, object, number, detail}); }

void Call::invalid(const std::string& detail) const { fail(EINVAL, detail); }

Bytes bytesOf(const Call& call, Napi::Value value, const char* what) {
  // One Node-API call for type, length and place; it refuses what is no typed array.
  napi_typedarray_type type;
  size_t length;
  void* data;
  const napi_status status = napi_get_typedarray_info(call.env, value, &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_uint8_array) call.invalid(std::string(what) + " must be a Uint8Array");
  return {static_cast<const uint8_t*>(data), length};
}

Bytes bytesOf(const Call& call, Napi::Value value, const char* what, uint64_t length) {
  const Bytes bytes = bytesOf(call, value, what);
  if (bytes.length != length)
    call.invalid(std::string(what) + " has " + std::to_string(bytes.length) + " bytes, must have " +
                 std::to_string(length));
  return bytes;
}

uint64_t integerOf(const Call& call, Napi::Value value, const char* what, uint64_t most) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!(number >= 0 && number <= static_cast<double>(most)) || std::floor(number) != number)
    call.invalid(std::string(what) + " must be an integer from 0 to " + std::to_string(most));
  return static_cast<uint64_t>(number);
}

std::string textOf(const Call& call, Napi::Value value, const char* what) {
  if (!value.IsString()) call.invalid(std::string(what) + " must be a string");
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) call.invalid(std::string(what) + " must not contain NUL");
  return text;
}

Napi::Uint8Array toArray(Napi::Env env, const void* data, size_t length) {
  Napi::Uint8Array array = Napi::Uint8Array::New(env, length);
  if (length > 0) memcpy(array.Data(), data, length);
  return array;
}

}  // namespace weft
