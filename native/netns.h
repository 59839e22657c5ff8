#pragma once

#include <napi.h>

#include <functional>
#include <string>

#include "argument.h"

namespace weft {

/** How work in a namespace ended: errno `number` (0 for success) and what failed. */
struct Outcome {
  int number = 0;
  const char* operation = "";
  std::string detail = {};
};

/**
 * Runs `work` on a thread of its own that has entered the network namespace at `path`, and waits for it. The calling
 * thread's namespace is never touched. Throws when `path` cannot be opened or entered, or as `work`'s outcome says.
 * `work` must not touch JavaScript.
 */
void insideNamespace(Napi::Env env, const std::string& path, const std::function<Outcome()>& work);

/** netnsCookie(path). */
Napi::Value netnsCookie(const Napi::CallbackInfo& info);
/** unshareNetwork(). */
void unshareNetwork(const Napi::CallbackInfo& info);
/** enterNetwork(path). */
void enterNetwork(const Napi::CallbackInfo& info);

}  // namespace weft
