// SPDX-License-Identifier: Apache-2.0
// Segmenter: the wire packets of one super-packet, written one after another where the sealer wants
// them.
//
// TSO and USO in software. What is the same in all segments is summed once; each payload byte is
// copied and summed in one pass. A packet that is no train comes out whole, with a kPartial
// checksum completed.
//
//   header ▸ id+i, total length, sequence+i·mss (TCP) or length (UDP), flags, checksums
//   FIN and PSH only in the last segment, CWR only in the first (RFC 3168 §6.1.2)
//
// A cursor, not random access: pieces are walked once, and a train may be written in several
// batches. All segments but the last have one length, so they are written as runs: what a run has
// in common is worked out once.
//
// Not here: splitting by MTU (fragment.h), TTL (rewrite.h).
// Threads: pure; reads the packet, which must stay unchanged meanwhile.
// Standards: RFC 9293, RFC 768, RFC 3168.
#pragma once

#include <cstdint>

#include "farspan/dataplane/packet/piece_cursor.h"
#include "farspan/dataplane/packet/super_packet.h"
#include "farspan/net/checksum.h"

namespace farspan::dataplane {

class Segmenter {
 public:
  explicit Segmenter(const SuperPacket& packet);

  /// Wire packets not written yet.
  uint32_t remaining() const { return count_ - index_; }
  /// Bytes of the next wire packet. @pre remaining() > 0
  uint32_t next_length() const { return packet_.header_length + next_payload(); }
  /// How many of the next wire packets are of next_length() bytes: all that remain, but perhaps for
  /// a shorter last one. @pre remaining() > 0
  uint32_t alike() const;

  /// Writes the next `count` wire packets to `to`, `to + stride`, … @pre count <= alike()
  void write(uint8_t* to, uint32_t count, uint32_t stride);
  /// Writes the next wire packet to `to` and answers its length. @pre remaining() > 0
  uint32_t write_next(uint8_t* to) {
    const uint32_t length = next_length();
    write(to, 1, 0);
    return length;
  }

 private:
  void write_run(uint8_t* to, uint32_t count, uint32_t stride);
  void write_whole(uint8_t* to);
  uint8_t flags_of(uint32_t index) const;
  uint32_t next_payload() const;

  const SuperPacket& packet_;
  PieceCursor payload_;
  uint32_t count_;
  uint32_t index_ = 0;
  uint32_t written_payload_ = 0;
  uint16_t base_id_ = 0;  // fields of the first segment
  uint8_t flags_ = 0;
  uint32_t base_sequence_ = 0;
  net::InternetSum ip_sum_;         // what stays the same in the IPv4 header of every segment
  net::InternetSum transport_sum_;  // addresses, protocol and the same of the transport header
};

/// The length of the longest wire packet of `packet`: what an MTU is compared with.
inline uint32_t longest_wire_packet(const SuperPacket& packet) {
  const bool is_train = packet.segment_size > 0 && packet.payload_length > packet.segment_size;
  return packet.header_length + (is_train ? packet.segment_size : packet.payload_length);
}

}  // namespace farspan::dataplane
