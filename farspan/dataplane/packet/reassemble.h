// SPDX-License-Identifier: Apache-2.0
// Reassembler: which datagram does this fragment belong to, and is it whole now?
//
// The router reassembles because policy needs ports and because fragments must not slip past it in
// pieces. Each datagram has a large buffer; bytes go straight to where they belong and a bitmap of
// 8-byte blocks tells what is there, so overlaps are found exactly and nothing is sorted. A whole
// datagram leaves with its buffer.
//
//   buffer ─▶ [bitmap][IPv4 header of the first fragment, ending at a multiple of 64][payload
//   …65535]
//
// One ingress can use only a part of them: when it wants more, its own oldest datagram goes.
// A datagram with an overlap is remembered until its time is over, so that its later fragments go
// the same way (RFC 5722 §4).
//
// Not here: ICMP "reassembly time exceeded": that is the receiving host's to send (RFC 1122
// §3.2.2.4). Threads: one worker's. Allocates only when made. Standards: RFC 791 §3.2, RFC 815
// (purpose, not method), RFC 1122 §3.3.2, RFC 5722 applied to IPv4.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "farspan/dataplane/drop_reason.h"
#include "farspan/dataplane/packet/super_packet.h"
#include "farspan/io/buffer_pool.h"

namespace farspan::dataplane {

class Reassembler {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kTimeout{30};

  struct Limits {
    uint32_t datagrams = 256;  // at once, each with a large buffer
    uint32_t datagrams_per_ingress = 64;
  };
  /// Wire packets that ended here; they are added to a counter of the caller.
  struct Dropped {
    DropReason reason;
    uint32_t wire_packets;
  };
  /// What became of one fragment. Nothing set: it is held.
  struct Answer {
    bool is_whole = false;           // `whole` was filled …
    uint32_t wire_packets = 0;       // … from this many fragments
    std::optional<Dropped> dropped;  // this fragment, or all of its datagram
    std::optional<Dropped> evicted;  // another datagram that had to make room
  };

  /// @param pool  outlives it
  Reassembler(Limits limits, io::BufferPool& pool);
  ~Reassembler();
  Reassembler(const Reassembler&) = delete;
  Reassembler& operator=(const Reassembler&) = delete;

  /// Takes the bytes of `fragment` (copied). When its datagram is complete `whole` becomes it, in
  /// its own buffer, with max_fragment set; `whole` may be where the fragment was.
  ///
  /// @pre fragment.parsed.is_fragment; it came from parse()
  Answer add(const SuperPacket& fragment, uint32_t vrf, uint64_t ingress, Instant now,
             SuperPacket& whole);

  /// Ends datagrams older than 30 s; answers how many wire packets they had. Cheap when nothing is
  /// held.
  uint32_t expire(Instant now);

  /// Wire packets held at present.
  uint32_t held_wire_packets() const { return held_wire_packets_; }

 private:
  struct Datagram;
  Datagram* find(const SuperPacket& fragment, uint32_t vrf, uint64_t ingress);
  Datagram* take_place(uint64_t ingress, Answer& answer);
  void begin(Datagram& datagram, const SuperPacket& fragment, uint32_t vrf, uint64_t ingress,
             Instant now);
  std::optional<DropReason> insert(Datagram& datagram, const SuperPacket& fragment);
  void complete(Datagram& datagram, SuperPacket& whole, Answer& answer);
  Dropped poison(Datagram& datagram, DropReason reason);
  uint32_t free_place(Datagram& datagram);
  io::Buffer& buffer_of(const Datagram& datagram);

  Limits limits_;
  io::BufferPool& pool_;
  uint32_t held_wire_packets_ = 0;
  uint32_t used_ = 0;
  std::vector<Datagram> datagrams_;
  std::vector<io::Buffer> buffers_;  // beside each; none: free, or poisoned
};

}  // namespace farspan::dataplane
