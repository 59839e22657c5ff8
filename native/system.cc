#include "system.h"

#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <malloc.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "argument.h"

namespace weft {

namespace {

Napi::Value clockNs(const Napi::CallbackInfo& info, clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  const auto seconds = static_cast<uint64_t>(now.tv_sec);
  return Napi::BigInt::New(info.Env(), seconds * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec));
}

}  // namespace

Napi::Value mountBpffs(const Napi::CallbackInfo& info) {
  Call call{info.Env(), "mount", ""};
  call.object = textOf(call, info[0], "the path");
  struct statfs system = {};
  if (statfs(call.object.c_str(), &system) < 0) call.fail(errno);
  if (static_cast<uint64_t>(system.f_type) == BPF_FS_MAGIC) return Napi::Boolean::New(info.Env(), false);
  if (mount("bpf", call.object.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0) call.fail(errno);
  return Napi::Boolean::New(info.Env(), true);
}

Napi::Value monotonicNs(const Napi::CallbackInfo& info) { return clockNs(info, CLOCK_MONOTONIC); }

Napi::Value boottimeNs(const Napi::CallbackInfo& info) { return clockNs(info, CLOCK_BOOTTIME); }

void trimMemory(const Napi::CallbackInfo&) { malloc_trim(0); }

Napi::Value possibleCpus(const Napi::CallbackInfo& info) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) Call{info.Env(), "possible_cpus", ""}.fail(-cpus);
  return Napi::Number::New(info.Env(), cpus);
}

void closeFd(const Napi::CallbackInfo& info) {
  const Call call{info.Env(), "close", "fd"};
  const auto fd = static_cast<int>(integerOf(call, info[0], "fd", INT32_MAX));
  if (close(fd) < 0) call.fail(errno);
}

}  // namespace weft
