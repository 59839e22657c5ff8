#pragma once

#include <cstdint>

namespace weft {

/**
 * What a worker, the agent and the broker of blank sockets say to each other: one message of fixed size each, on SOCK_SEQPACKET,
 * in the machine's byte order.
 */
constexpr uint8_t blankVersion = 1;

/** The most sockets of one request. */
constexpr uint16_t mostBlank = 16;

/** Worker to broker. */
struct BlankRequest {
  uint8_t version;
  /** 4 or 6. */
  uint8_t family;
  /** 1 to `mostBlank`. */
  uint16_t count;
  uint32_t netns;
  /** Comes back with the reply, so that one that is late is not taken for the next. */
  uint32_t sequence;
};
static_assert(sizeof(BlankRequest) == 12);

/** Broker to worker, with `count` descriptors. */
struct BlankReply {
  uint32_t netns;
  uint32_t sequence;
  uint32_t count;
  /** 0, or the errno because of which there are fewer than asked for. */
  int32_t error;
};
static_assert(sizeof(BlankReply) == 16);

enum class BrokerOrder : uint32_t {
  /** With the namespace's descriptor: `id` stands for it from now on. */
  addNamespace = 1,
  removeNamespace = 2,
  /** With the broker's end of a worker's channel. */
  addWorker = 3,
  /** With the descriptor of a SK_STORAGE map: each socket gets the value 1 (32 bits) in it. */
  markIn = 4,
};

/** Agent to broker. */
struct BrokerMessage {
  uint32_t version;
  BrokerOrder order;
  uint32_t id;
};
static_assert(sizeof(BrokerMessage) == 12);

}  // namespace weft
