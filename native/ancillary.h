#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "descriptor.h"

namespace weft {

/** The most descriptors that travel with one message. */
constexpr size_t mostDescriptors = 64;

/** Sends one message with descriptors (SCM_RIGHTS). 0, or the errno; never SIGPIPE. */
int sendMessage(int socket, const void* data, size_t length, const int* descriptors, size_t count, int flags);

/** A message of a SEQPACKET socket. */
struct Message {
  /** 0 once the other side has closed. */
  size_t length = 0;
  std::vector<Descriptor> descriptors;
};

/**
 * Takes one message of at most `limit` bytes with its descriptors, which are close-on-exec. 0, or the errno: EMSGSIZE when it was longer, EMFILE when not
 * all descriptors found room; none is left open then.
 */
int receiveMessage(int socket, void* data, size_t limit, Message& message, int flags);

}  // namespace weft
