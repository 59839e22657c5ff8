#pragma once

#include <linux/bpf.h>
#include <napi.h>

#include <string>
#include <vector>

#include "argument.h"
#include "descriptor.h"

namespace weft {

/** A BPF map. Keys and values are bytes of exactly the map's sizes. */
class Map : public Napi::ObjectWrap<Map> {
 public:
  static constexpr napi_type_tag tag = {0x77656674206d6170, 0xa1};
  static Napi::Function define(Napi::Env env);
  /** Takes over `descriptor`. `name` is for errors; empty means the kernel's name. */
  static Napi::Object wrap(Napi::Env env, Descriptor descriptor, const std::string& name = {});
  explicit Map(const Napi::CallbackInfo& info);

  const bpf_map_info& description() const { return info_; }
  const std::string& name() const { return name_; }
  /** The map's descriptor; throws EBADF after close. */
  int use(const Call& call) const;

 private:
  struct Collected;

  Call call(Napi::Env env, const char* operation) const { return {env, operation, name_}; }
  /** Bytes of one value as the system call sees it: per-CPU maps have one a possible CPU, each padded to 8. */
  uint64_t valueBytes() const;

  Napi::Value info(const Napi::CallbackInfo& info);
  Napi::Value lookup(const Napi::CallbackInfo& info);
  void put(const Napi::CallbackInfo& info);
  Napi::Value remove(const Napi::CallbackInfo& info);
  Napi::Value putBatch(const Napi::CallbackInfo& info);
  Napi::Value removeBatch(const Napi::CallbackInfo& info);
  Napi::Value entries(const Napi::CallbackInfo& info);
  void pin(const Napi::CallbackInfo& info);
  Napi::Value descriptor(const Napi::CallbackInfo& info);
  Napi::Value btf(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  /** Both return 0, or the errno that ended them. `most` bounds the entries. */
  int collectBatches(int fd, uint64_t most, Collected& collected) const;
  int collectSingly(int fd, uint64_t most, Collected& collected) const;

  Descriptor descriptor_;
  bpf_map_info info_ = {};
  std::string name_;
  /** Possible CPUs of a per-CPU map, else 0. */
  uint32_t cpus_ = 0;
  /** Where lookups land before they are handed out. */
  std::vector<uint8_t> value_;
};

}  // namespace weft
