// SPDX-License-Identifier: Apache-2.0
// BlackHole: sees by the TCP that a tunnel carries that large packets vanish on its way (RFC 2923
// §2.1), for tunnels whose peers answer no probes and whose routers, or firewalls, say nothing.
//
//   watch ──▶ a full-size segment is repeated three times, and nothing of it acknowledged
//     ▲                 │
//     │                 ▼
//     │       try 1280: the tunnel goes by it, and packets leave without DF ──acknowledged──▶ keep
//     │                 │ repeated three times more                                            │
//     │                 ▼                                                                      │
//     │       try 576 ──acknowledged──▶ keep ──────────────────────────────────────────────────┤
//     │                 │ repeated three times more                                            │
//     └─ give up: it was not the size, but an outage ◀─┘                                       │
//     └────────────────────────────────────────────────────────────────────────────────────────┘
//
// That small packets pass is known of the flow itself: it acknowledges something, so its handshake
// has crossed the tunnel both ways. Whether the size was the cause is known by what follows, and
// not believed otherwise. One flow is watched at a time, because a black hole swallows the large
// packets of all; who wants to fool it must own both ends of a flow of the tunnel, and gains 1280
// or 576 for that tunnel.
//
// Not here: what a tunnel goes by (tunnel_path.h). Threads: the worker. Never allocates.
#pragma once

#include <cstdint>

namespace farspan::dataplane {

class BlackHole {
 public:
  struct Flow {
    uint32_t source = 0, destination = 0;
    uint16_t source_port = 0, destination_port = 0;
    bool operator==(const Flow&) const = default;
  };
  struct Segment {
    Flow flow;
    uint32_t sequence;      // of its first byte
    uint32_t outer_length;  // of the IPv4 packet around it
  };
  enum class Finding : uint8_t {
    kNothing,
    kTry,     // the tunnel is to go by mtu()
    kKeep,    // mtu() it is
    kGiveUp,  // it was something else
  };

  /// The least packets that are watched: smaller ones pass everywhere.
  static constexpr uint32_t kLeast = 576;

  /// A segment with data of an open flow leaves by the tunnel.
  Finding sent(const Segment& segment, uint64_t now_ms);
  /// By the tunnel came a segment of the flow that `answered` is, turned round.
  Finding acknowledged(const Flow& answered, uint32_t acknowledgment);

  bool is_watching() const { return is_watching_; }
  /// Of the last kTry or kKeep.
  uint32_t mtu() const { return mtu_; }

 private:
  static constexpr uint32_t kBase = 1280;
  static constexpr uint32_t kRepeats = 3;
  static constexpr uint64_t kApartMs = 150;     // repetitions; less than any timeout (RFC 6298)
  static constexpr uint64_t kStaleMs = 15'000;  // a flow that was given up by its ends
  static constexpr uint64_t kMutedMs = 60'000;  // after an outage
  void watch(const Segment& segment, uint64_t now_ms);
  Finding repeated(const Segment& segment, uint64_t now_ms);

  Flow flow_;
  uint32_t sequence_ = 0;
  uint32_t mtu_ = 0;  // that is tried; 0: none
  uint32_t repeats_ = 0;
  bool is_watching_ = false;
  uint64_t last_ms_ = 0, muted_until_ms_ = 0;
};

}  // namespace farspan::dataplane
