#pragma once

#include <napi.h>

#include "argument.h"

namespace weft {

/** What the addon keeps for one JavaScript environment (the main thread or a worker): its classes' constructors. */
struct Environment {
  Napi::FunctionReference link;
  Napi::FunctionReference lock;
  Napi::FunctionReference map;
  Napi::FunctionReference object;
  Napi::FunctionReference program;
  Napi::FunctionReference ring;
  Napi::FunctionReference statistics;
  Napi::FunctionReference wires;

  /** Of the last request for blank sockets. */
  uint32_t blankSequence = 0;

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
};

/** A new, still empty object of class T; made from JavaScript it stays empty and answers every call with EBADF. */
template <class T>
T* create(Napi::FunctionReference& constructor, Napi::Object& holder) {
  holder = constructor.New({});
  return T::Unwrap(holder);
}

/** The T behind a value. Type tags make sure that it is one, whatever JavaScript did with prototypes. */
template <class T>
T* unwrap(const Call& call, Napi::Value value, const char* what) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&T::tag)) call.invalid(std::string("not a ") + what);
  return T::Unwrap(value.As<Napi::Object>());
}

}  // namespace weft
