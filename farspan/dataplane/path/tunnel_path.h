// SPDX-License-Identifier: Apache-2.0
// TunnelPath: how large an outer IPv4 packet may be on the way to the peer of a tunnel, and how
// that is known.
//
// The route says how large a packet may leave; what was declared, and whatever was learnt of the
// way beyond, can only be less. What was learnt is forgotten after its time, when the route carries
// less, and when the peer is somewhere else.
//
//   what was learnt from     is believed because                       for
//   quote                    it names an SPI and a sequence number     10 min (RFC 1191 §6.3)
//   probe                    the peer answered inside the SA           as long as it answers
//   black hole               TCP got nowhere with larger packets       20 min or more, once it does
//
// A row keeps its path as long as it exists, as its counters. Threads: the worker; report() any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>

#include "farspan/dataplane/path/black_hole.h"
#include "farspan/dataplane/path/link_probing.h"

namespace farspan::dataplane {

enum class MtuOrigin : uint8_t { kUnknown, kRoute, kQuote, kProbe, kBlackHole, kDeclared };

/// As in tables.proto.
constexpr std::string_view word_of(MtuOrigin origin) {
  constexpr std::array<std::string_view, 6> kWords = {"unknown", "route",      "quote",
                                                      "probe",   "black_hole", "declared"};
  return kWords[static_cast<size_t>(origin)];
}

/// Of one tunnel, as operators see it. Sizes are those of whole outer IPv4 packets.
struct PathReport {
  MtuOrigin origin = MtuOrigin::kUnknown;  // kUnknown: nothing was sent yet
  uint32_t mtu = 0;
  uint32_t route_mtu = 0;
  uint64_t since_seconds = 0;  // CLOCK_MONOTONIC: when `mtu` came into force
};

class TunnelPath {
 public:
  /// Nothing that was learnt lowers an MTU below this; larger packets then leave without DF (RFC
  /// 791 §3.2: what every host takes; RFC 8899 §5.1.2).
  static constexpr uint32_t kLeast = 576;
  static constexpr uint32_t kMost = 65535;
  static constexpr uint64_t kForgetSeconds = 600;  // RFC 1191 §6.3
  static constexpr uint64_t kForEver = std::numeric_limits<uint64_t>::max();

  struct InForce {
    uint32_t mtu = 0;                   // 0: nothing is known yet
    bool may_fragment = false;          // outside, so without DF
    uint64_t until_seconds = kForEver;  // then it is to be asked again
  };

  /// The route to the peer, which is at `remote`, carries `mtu`.
  /// @param declared  the largest packet that operators know to pass
  void set_route(uint32_t remote, uint32_t mtu, uint64_t now_seconds, uint32_t declared = kMost);
  InForce in_force(uint64_t now_seconds);

  /// Packets larger than `mtu` do not arrive. False: that changes nothing that is in force.
  bool lower(uint32_t mtu, MtuOrigin origin, uint64_t now_seconds);
  /// The peer has said that it received a packet of `mtu` bytes, and none that is larger arrives.
  /// False: that changes nothing that is in force.
  bool probed(uint32_t mtu, uint64_t now_seconds);
  /// What was learnt from `origin` is not true. False: nothing is in force that was.
  bool forget(MtuOrigin origin, uint64_t now_seconds);

  /// What was learnt of a black hole has proved true: it is believed for longer, and each time it
  /// does twice as long, up to 5 hours.
  void keep(uint64_t now_seconds);
  BlackHole& black_hole() { return black_hole_; }

  /// From now on the link is probed. False: it is already.
  bool watch();
  /// Null unless it is watched.
  LinkProbing* probing() { return probing_.get(); }
  /// Whether the peer's probe is answered: so many a second are.
  bool may_answer(uint64_t now_seconds);

  PathReport report() const;

 private:
  void publish(uint64_t now_seconds);

  struct Learnt {
    uint32_t mtu = 0;  // 0: nothing
    MtuOrigin origin = MtuOrigin::kUnknown;
    bool may_fragment = false;
    uint64_t until_seconds = 0;
  };
  uint32_t remote_ = 0;
  uint32_t route_mtu_ = 0;
  uint32_t known_mtu_ = 0;  // of the route, or as declared
  Learnt learnt_;
  BlackHole black_hole_;
  uint32_t times_kept_ = 0;
  std::unique_ptr<LinkProbing> probing_;
  uint64_t answers_second_ = 0;
  uint32_t answers_ = 0;  // in that second
  std::atomic<uint64_t> report_{0};
};

}  // namespace farspan::dataplane
