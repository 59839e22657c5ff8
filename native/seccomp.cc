#include "seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace weft {

namespace {

#if defined(__x86_64__)
constexpr uint32_t architecture = AUDIT_ARCH_X86_64;
/** From here on numbers are those of x32, other calls than ours. */
constexpr uint32_t foreignNumbers = 0x40000000;
#elif defined(__aarch64__)
constexpr uint32_t architecture = AUDIT_ARCH_AARCH64;
constexpr uint32_t foreignNumbers = UINT32_MAX;
#else
#error "this architecture's system calls are not known"
#endif

/** Where the lower half of an argument is: both architectures are little-endian. */
uint32_t placeOf(unsigned argument) {
  return static_cast<uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(uint64_t));
}

}  // namespace

SyscallFilter::SyscallFilter() {
  add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
  add(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0);
  add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  loadNumber();
  add(BPF_JMP | BPF_JGE | BPF_K, foreignNumbers, 0, 1);
  add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
}

void SyscallFilter::add(uint16_t code, uint32_t k, uint8_t yes, uint8_t no) { program_.push_back({code, yes, no, k}); }

void SyscallFilter::addReturn(int number) {
  add(BPF_RET | BPF_K, number == 0 ? SECCOMP_RET_ALLOW
                                   : SECCOMP_RET_ERRNO | (static_cast<uint32_t>(number) & SECCOMP_RET_DATA));
}

void SyscallFilter::loadNumber() { add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)); }

void SyscallFilter::decide(long syscall, int number) {
  add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(syscall), 0, 1);
  addReturn(number);
}

void SyscallFilter::decide(std::initializer_list<long> syscalls, int number) {
  for (const long syscall : syscalls) decide(syscall, number);
}

void SyscallFilter::denyBits(long syscall, unsigned argument, uint32_t bits, int number) {
  add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(syscall), 0, 4);
  add(BPF_LD | BPF_W | BPF_ABS, placeOf(argument));
  add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
  addReturn(number);
  addReturn(0);
}

void SyscallFilter::denyOthers(long syscall, unsigned argument, std::initializer_list<uint32_t> values, int number) {
  add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(syscall), 0, static_cast<uint8_t>(2 + 2 * values.size()));
  add(BPF_LD | BPF_W | BPF_ABS, placeOf(argument));
  for (const uint32_t value : values) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    addReturn(0);
  }
  addReturn(number);
}

int SyscallFilter::install(int number) {
  addReturn(number);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return errno;
  const sock_fprog program = {static_cast<unsigned short>(program_.size()), program_.data()};
  // Of a thread that has another filter the call gives the id.
  const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  if (result < 0) return errno;
  return result == 0 ? 0 : EBUSY;
}

}  // namespace weft
