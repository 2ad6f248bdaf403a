// SPDX-License-Identifier: Apache-2.0
// DuplicateSas: how a tunnel gets back to one IKE SA when both ends have made one at one moment.
//
// Neither end's IKE_AUTH finds an established IKE SA to replace then, so charon's unique=replace
// does nothing, and both stay, each with a Child SA: for the lifetime of the IKE SA, as both peers
// answer. (If one end's INITIAL_CONTACT came in time, the other end dropped the older one without a
// word, RFC 7296 §2.4, and only dead peer detection finds that out.) Ending one of them blindly
// would lose what is sent on it, and if both ends did, the tunnel. So:
//
//   1. two established IKE SAs stand for 15 s, longer than charon's own 10 s of overlap
//   2. keep the one we initiated, or else the newest: rekey its Child SA. That proves that its peer
//      is there, and what is newest is what is sent on (RFC 7296 §2.8)
//   3. the new Child SA is installed: end the other IKE SA. Nothing of ours is on its way there;
//      the peer's packets come before its answer to our DELETE
//
// A peer that makes a second one again and again, or refuses the rekey (charon may then make the
// whole IKE SA anew, RFC 7296 §1.3: a pair with another unique id), is left alone for longer each
// time.
//
// Only an end whose every Child SA the kept one covers is ended. One end does it: we for offices,
// the first to initiate for links (connection.h); otherwise each could end what the other keeps.
//
// Not here: IKEv1, whose Child SAs belong to no IKE SA, so that ending one may take them along;
// charon moves them to the newer one by itself. Attempts that were never answered (tunnel_set.cpp).
// Threads: one at a time. Time is a parameter.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "farspan/agent/tunnels/status.h"

namespace farspan::tunnels {

class DuplicateSas {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kOverlap{15};  // of charon's own making ends before
  static constexpr std::chrono::seconds kLongestOverlap{3600};  // with a peer that insists
  static constexpr std::chrono::seconds kRekeyPatience{
      60};  // or the overlap; then the rekey is asked for again

  /// What charon should do now; charon's unique ids.
  struct Remedy {
    std::vector<std::string> rekey_children, end_ike_sas;
    bool operator==(const Remedy&) const = default;
  };
  /// @param sas  of `tunnel` now; asked again whenever they may have changed
  Remedy look(nodestate::TunnelId tunnel, const std::vector<IkeSa>& sas, Clock::time_point now);

  void forget(nodestate::TunnelId tunnel) { seen_.erase(tunnel); }
  /// charon began anew, and its unique ids with it.
  void forget_all() { seen_.clear(); }

 private:
  struct Seen {
    std::set<std::string> ike_sas = {};
    Clock::time_point not_before = {};  // for these
    std::chrono::seconds overlap = kOverlap;
    std::string kept = {};                // IKE SA
    std::set<std::string> replaced = {};  // all its Child SAs when the rekey was first asked for
    std::optional<Clock::time_point> rekeyed_at = {};
    Clock::time_point changed_at = {};  // the pair, or by us
  };
  std::map<nodestate::TunnelId, Seen> seen_;
};

}  // namespace farspan::tunnels
