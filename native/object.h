#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "argument.h"

struct bpf_object;
struct bpf_map;
struct bpf_program;

namespace weft {

/** An ELF object: opened, set up, loaded once. Maps and programs taken from it live on without it. */
class Object : public Napi::ObjectWrap<Object> {
 public:
  static Napi::Function define(Napi::Env env);
  /** Opens a copy of the ELF bytes. */
  static Napi::Object open(Napi::Env env, Bytes elf, const std::string& name);
  explicit Object(const Napi::CallbackInfo& info);
  ~Object() override;

 private:
  enum class Stage { opened, loaded, failed };

  Call call(const Napi::CallbackInfo& info, const char* operation) const;
  /** A call on the map, program or global that the first argument names. */
  Call callOnPart(const Napi::CallbackInfo& info, const char* operation) const;
  /** The object, at whatever stage; throws EBADF after close. */
  bpf_object* use(const Call& call) const;
  /** The object before its load; throws EBUSY later. */
  bpf_object* prepare(const Call& call) const;
  /** The object after its load; throws ENOENT before, or when the load failed. */
  bpf_object* loaded(const Call& call) const;
  bpf_map* findMap(const Call& call, bpf_object* object) const;
  bpf_program* findProgram(const Call& call, bpf_object* object) const;

  Napi::Value maps(const Napi::CallbackInfo& info);
  Napi::Value programs(const Napi::CallbackInfo& info);
  void setMaxEntries(const Napi::CallbackInfo& info);
  void setVariable(const Napi::CallbackInfo& info);
  void reuse(const Napi::CallbackInfo& info);
  void skip(const Napi::CallbackInfo& info);
  void load(const Napi::CallbackInfo& info);
  Napi::Value map(const Napi::CallbackInfo& info);
  Napi::Value program(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  void release();

  bpf_object* object_ = nullptr;
  std::vector<uint8_t> elf_;
  std::string name_;
  Stage stage_ = Stage::opened;
};

}  // namespace weft
