#pragma once

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weft {

/** bpf(2) itself, for what libbpf has no call for. -1 with errno, as the system call. */
inline int bpfCall(bpf_cmd command, bpf_attr& attributes, size_t size) {
  return static_cast<int>(syscall(__NR_bpf, command, &attributes, size));
}

}  // namespace weft
