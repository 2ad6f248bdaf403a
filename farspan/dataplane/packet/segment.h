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
// batches.
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
  /// Bytes the next write_next() writes. @pre remaining() > 0
  uint32_t next_length() const;
  /// Writes the next wire packet to `to` and answers its length. @pre remaining() > 0
  uint32_t write_next(uint8_t* to);

 private:
  uint32_t write_train_segment(uint8_t* to);
  uint32_t write_whole(uint8_t* to);
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
