#pragma once

#include <sys/types.h>

#include <cstdint>

namespace weft {

/**
 * Leaves the calling thread these capabilities (bit 1 << CAP_…), in its permitted and effective sets, and none in the inheritable, ambient and bounding sets.
 * 0, or the errno.
 */
int keepCapabilities(uint64_t kept);

/** The effective and permitted capabilities of a thread of this process, in one. 0, or the errno. */
int capabilitiesOf(pid_t thread, uint64_t& capabilities);

}  // namespace weft
