#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace weft {

/** A system call filter (seccomp(2)), written rule by rule: the first that says something decides. */
class SyscallFilter {
 public:
  /** Kills what calls by another architecture's numbers. */
  SyscallFilter();

  /** The call fails with errno `number`; 0 lets it pass. */
  void decide(long syscall, int number);
  void decide(std::initializer_list<long> syscalls, int number);
  /** The call fails with errno `number` when its argument has one of these bits. */
  void denyBits(long syscall, unsigned argument, uint32_t bits, int number);
  /** The call fails with errno `number` unless its argument is one of these. */
  void denyOthers(long syscall, unsigned argument, std::initializer_list<uint32_t> values, int number);

  /**
   * What no rule decided fails with errno `number`, or passes with 0. From now on, for all threads of the process. 0, or the errno. Sets no_new_privs.
   */
  int install(int number);

 private:
  void add(uint16_t code, uint32_t k, uint8_t yes = 0, uint8_t no = 0);
  void addReturn(int number);
  void loadNumber();

  std::vector<sock_filter> program_;
};

}  // namespace weft
