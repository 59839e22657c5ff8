#pragma once

#include <linux/bpf.h>
#include <napi.h>

#include <optional>
#include <string>

#include "argument.h"
#include "descriptor.h"

namespace weft {

/** A loaded BPF program. */
class Program : public Napi::ObjectWrap<Program> {
 public:
  static constexpr napi_type_tag tag = {0x776566742070726f, 0xa2};
  static Napi::Function define(Napi::Env env);
  /** Takes over `descriptor`. `attachType` is what the section says, when a section is known. */
  static Napi::Object wrap(Napi::Env env, Descriptor descriptor, const std::string& name = {},
                           std::optional<bpf_attach_type> attachType = {});
  explicit Program(const Napi::CallbackInfo& info);

  const std::string& name() const { return name_; }
  /** The program's descriptor; throws EBADF after close. */
  int use(const Call& call) const;

 private:
  Call call(Napi::Env env, const char* operation) const { return {env, operation, name_}; }

  Napi::Value info(const Napi::CallbackInfo& info);
  Napi::Value attachCgroup(const Napi::CallbackInfo& info);
  Napi::Value attachNetns(const Napi::CallbackInfo& info);
  Napi::Value run(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  Descriptor descriptor_;
  std::string name_;
  uint32_t type_ = 0;
  std::optional<bpf_attach_type> attachType_;
};

}  // namespace weft
