// SPDX-License-Identifier: Apache-2.0
// Train: wire packets of equal size, the last one possibly shorter, that cross a socket in one
// call.
//
// UDP_SEGMENT on the way out and UDP_GRO on the way in carry up to 64 KiB of them at once; that is
// 25 times cheaper per packet than one call each. Everything in a train shares addresses, ports and
// the TOS byte.
#pragma once

#include <cstdint>

#include "farspan/io/buffer_pool.h"
#include "farspan/io/endpoint.h"

namespace farspan::io {

inline constexpr uint32_t kMaxTrainBytes =
    65507;  // UDP payload of one call (65535 - IPv4 20 - UDP 8)
inline constexpr uint32_t kMaxTrainPackets = 128;  // UDP_MAX_SEGMENTS of current kernels
inline constexpr uint32_t kSafeTrainPackets = 64;  // that of every kernel

struct Train {
  Endpoint source, destination;  // ports are 0 for native ESP
  uint8_t* bytes = nullptr;
  uint32_t length = 0;
  uint32_t segment_size = 0;  // == length when it is one packet
  uint8_t tos = 0;
  bool may_fragment = false;  // leaves without DF

  uint32_t packet_count() const {
    return segment_size == 0 ? 1 : (length + segment_size - 1) / segment_size;
  }
};

/// A train that was received, in the buffer it lies in. Without a buffer there was none for it: its
/// bytes are lost, and only their number is known.
struct LandedTrain {
  Train train;
  Buffer buffer;
};

/// What became of a train that was handed to a socket.
enum class SendVerdict : uint8_t {
  kSent,
  kTooBig,       // larger than the interface takes: ask the route's MTU again
  kBusy,         // socket buffer or device queue full
  kUnreachable,  // no route, refused, or no such source address
};

}  // namespace farspan::io
