#pragma once

#include <napi.h>

#include <string>

#include "argument.h"
#include "descriptor.h"

namespace weft {

/** A bpf_link: a program's attachment. It ends when its last descriptor and its last pin are gone. */
class Link : public Napi::ObjectWrap<Link> {
 public:
  static constexpr napi_type_tag tag = {0x77656674206c696e, 0xa3};
  static Napi::Function define(Napi::Env env);
  /** Takes over `descriptor`. `name` is for errors. */
  static Napi::Object wrap(Napi::Env env, Descriptor descriptor, const std::string& name);
  explicit Link(const Napi::CallbackInfo& info);

 private:
  Call call(Napi::Env env, const char* operation) const { return {env, operation, name_}; }
  int use(const Call& call) const;

  Napi::Value info(const Napi::CallbackInfo& info);
  void update(const Napi::CallbackInfo& info);
  void detach(const Napi::CallbackInfo& info);
  void pin(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  Descriptor descriptor_;
  std::string name_;
};

/** Every link of the system that attaches to a cgroup, as LinkInfo with `programName`. */
Napi::Value cgroupLinks(const Napi::CallbackInfo& info);

}  // namespace weft
