#include "capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace weft {

int keepCapabilities(uint64_t kept) {
  // The bounding set goes first: that takes CAP_SETPCAP. EINVAL is past the kernel's last capability.
  for (unsigned long each = 0; each < 64; each++) {
    if (prctl(PR_CAPBSET_DROP, each, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;
    return errno;
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return errno;
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  for (int half = 0; half < 2; half++) {
    const auto bits = static_cast<uint32_t>(kept >> (32 * half));
    sets[half].permitted = bits;
    sets[half].effective = bits;
  }
  return syscall(SYS_capset, &header, sets) < 0 ? errno : 0;
}

int capabilitiesOf(pid_t thread, uint64_t& capabilities) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, thread};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) < 0) return errno;
  capabilities = 0;
  for (int half = 0; half < 2; half++)
    capabilities |= uint64_t{sets[half].permitted | sets[half].effective | sets[half].inheritable} << (32 * half);
  return 0;
}

}  // namespace weft
