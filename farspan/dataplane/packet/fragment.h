// SPDX-License-Identifier: Apache-2.0
// Fragmenter: the fragments of a packet that is larger than the way out allows, written one after
// another.
//
// Never larger than the largest fragment the packet came in (RFC 791 §3.2 leaves it free; a sender
// that chose a size did so for a reason). The packet's id is kept: only packets without DF are
// fragmented, and those have an id their sender made unique (RFC 6864 §4.1 allows id 0 only with
// DF), so no new one is needed. A datagram that arrived in fragments with DF leaves in fragments
// with DF, no larger than before.
//
// Not here: trains (segment.h first); reassembly (reassemble.h).
// Threads: pure.
// Standards: RFC 791 §2.3, §3.2; RFC 1191.
#pragma once

#include <array>
#include <cstdint>

#include "farspan/dataplane/packet/piece_cursor.h"
#include "farspan/dataplane/packet/super_packet.h"

namespace farspan::dataplane {

enum class Fit : uint8_t {
  kFits,      // every wire packet passes as it is
  kFragment,  // goes in fragments: Fragmenter, for a train after segmenting
  kTooBig,    // DF: fragmentation needed, tell the sender
};

/// How `packet` passes a way out with this MTU. Trains are judged by their longest segment.
Fit fit(const SuperPacket& packet, uint32_t mtu);

class Fragmenter {
 public:
  /// Completes a kPartial checksum first. @pre segment_size == 0; mtu >= 68 (RFC 791 §3.1); not
  /// kTooBig
  Fragmenter(SuperPacket& packet, uint32_t mtu);

  uint32_t remaining() const { return remaining_; }
  /// Bytes the next write_next() writes. @pre remaining() > 0
  uint32_t next_length() const;
  /// Writes the next fragment to `to` and answers its length. @pre remaining() > 0
  uint32_t write_next(uint8_t* to);

 private:
  struct Shape {
    uint32_t header_length;
    uint32_t data_length;
  };
  Shape next_shape() const;
  void write_data(uint8_t* to, uint32_t length);

  const SuperPacket& packet_;
  PieceCursor payload_;
  uint32_t mtu_;
  uint32_t data_length_;  // of everything behind the IPv4 header
  uint32_t written_ = 0;
  uint32_t remaining_ = 0;
  uint16_t later_header_length_ = 0;       // of the fragments after the first …
  std::array<uint8_t, 40> later_options_;  // … with only the copied options
};

}  // namespace farspan::dataplane
