// SPDX-License-Identifier: Apache-2.0
// Coalescer: makes one super-packet of consecutive packets of a flow, so that a port is written
// once per train.
//
// The reverse of segment.h: Segmenter gives back the packets that were merged, byte for byte, but
// for the ids of datagrams with DF, which mean nothing (RFC 6864 §4.1). Nothing is copied: the
// first packet of a train (its head) collects the payloads of the others as pieces. A few flows are
// open at a time; order within a flow is kept, because any packet of the flow that does not fit its
// train closes it.
//
//   for each opened packet:  if (!coalescer.absorb(batch[n], ingress)) ++n;
//   coalescer.finish();
//
// Not here: deciding where a train goes; it may be segmented again when it leaves by a tunnel
// or, of UDP, by a port whose device has no USO.
// Threads: one worker's. Never allocates.
#pragma once

#include <array>
#include <cstdint>

#include "farspan/dataplane/packet/super_packet.h"

namespace farspan::dataplane {

class Coalescer {
 public:
  static constexpr uint32_t kOpenTrains = 8;
  static constexpr uint32_t kMaxUdpSegments = 64;  // UDP_MAX_SEGMENTS of older kernels

  /// True: `packet` now is part of an earlier packet of the same flow and ingress, which holds
  /// its buffer, and its SuperPacket is free. False: it stands for itself and stays at its address
  /// until finish(): later packets may be added to it. Whatever merges had its transport checksum
  /// verified.
  ///
  /// @param ingress  packets of different ingress (VRF, SA, port) never merge
  bool absorb(SuperPacket& packet, uint64_t ingress);

  /// Ends the batch: every train gets its lengths, IPv4 checksum and kPartial transport checksum.
  void finish();

 private:
  struct Train {
    SuperPacket* head = nullptr;  // null: this place is free
    uint64_t ingress = 0;
    uint64_t addresses = 0, ports = 0;
    uint32_t next_sequence = 0;  // TCP
    uint16_t next_id = 0;        // means something without DF only
    bool is_full = false;        // a short segment or PSH ended it
  };
  Train* find(const Train& key);
  static bool is_candidate(const SuperPacket& packet);
  static bool fits(const Train& train, const SuperPacket& packet);
  void open(SuperPacket& packet, const Train& key);
  static void append(Train& train, SuperPacket& packet);
  static void close(Train& train);

  uint32_t next_victim_ = 0;
  std::array<Train, kOpenTrains> trains_{};
};

}  // namespace farspan::dataplane
