// SPDX-License-Identifier: Apache-2.0
// ChangeLog: which decisions about flows the last changes of routes can have made wrong.
//
// What was decided about a flow holds for one version of the tables. A flow with an older one asks
// here (Tables::still_hold) whether anything it was judged by has changed since: if not, it takes
// the new version and is not judged again. The answer may be yes too often, never too rarely.
//
//   routes         a ring of the last changes: a flow of the VRF's domain, or led into the VRF, is
//                  touched when one of its ends lies in the prefix; all of them when the VRF itself
//                  has another label or domain
//   ports, tunnels know themselves since when their packets are judged as they are (tables.h)
//
// What the ring has forgotten touches every older decision.
//
// Not here: what a decision is made of; pipeline/decide.cpp must ask the tables nothing else.
// Threads: a value, part of each Tables snapshot.
#pragma once

#include <array>
#include <cstdint>

#include "farspan/dataplane/fib/ids.h"
#include "farspan/dataplane/fib/prefix4.h"

namespace farspan::dataplane {

/// Whether `a` came after `b`: versions are numbered around (RFC 1982 §3.2).
constexpr bool is_after(TablesVersion a, TablesVersion b) {
  return static_cast<int32_t>(a.value() - b.value()) > 0;
}

class ChangeLog {
 public:
  /// What routes say about packets.
  struct Packets {
    FlowDomain domain;
    uint32_t source = 0, destination = 0;  // host order
    VrfIndex led_into;                     // the VRF of the port or the office's tunnel they go to
  };

  /// Routes of `vrf` to somewhere in `destination` are others. Versions only grow.
  void route(TablesVersion version, VrfIndex vrf, FlowDomain domain, const Prefix4& destination) {
    Change& place = changes_[next_++ % kChanges];
    // what is forgotten with it may have touched all that was decided before
    if (is_after(place.version, oldest_)) oldest_ = place.version;
    place = {version, destination, domain, vrf};
  }

  /// Whether a change after `version` may have touched what was decided about these packets.
  /// @cost  linear in the changes since
  bool touches_since(TablesVersion version, const Packets& packets) const {
    if (is_after(oldest_, version)) return true;
    for (uint32_t back = 1; back <= kChanges; ++back) {
      const Change& change = changes_[(next_ - back) % kChanges];
      if (!is_after(change.version, version)) return false;
      const bool is_theirs = change.domain == packets.domain || change.vrf == packets.led_into;
      if (is_theirs && (change.destination.contains(packets.source) ||
                        change.destination.contains(packets.destination)))
        return true;
    }
    return false;
  }

 private:
  struct Change {
    TablesVersion version;
    Prefix4 destination;
    FlowDomain domain;
    VrfIndex vrf;
  };
  static constexpr uint32_t kChanges = 64;  // a power of two, so that places follow each other

  std::array<Change, kChanges> changes_{};  // a ring; the newest is before next_
  uint32_t next_ = 0;
  TablesVersion oldest_;  // what was decided before this one is judged again
};

}  // namespace farspan::dataplane
