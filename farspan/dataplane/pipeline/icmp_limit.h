// SPDX-License-Identifier: Apache-2.0
// IcmpLimit: how many ICMP errors the node sends, and to whom (RFC 1812 §4.3.2.8).
//
// Each ingress has a share of its own besides the node's limit, so that an office that provokes
// errors without end does not take path MTU discovery away from the others. Shares are found by a
// hash; two ingresses that meet there have one share together, which costs them errors, never
// packets.
//
// Threads: one worker. Allocates when made.
#pragma once

#include <bit>
#include <vector>

#include "farspan/dataplane/flow/flow.h"
#include "farspan/dataplane/packet/icmp_error.h"

namespace farspan::dataplane {

class IcmpLimit {
 public:
  struct Rate {
    uint32_t per_second, at_once;
  };
  IcmpLimit(Rate of_node, Rate of_ingress)
      : node_(of_node.per_second, of_node.at_once),
        shares_(kShares, TokenBucket(of_ingress.per_second, of_ingress.at_once)) {}

  /// Whether one more error may be sent about a packet that came in at `from`.
  [[nodiscard]] bool take(Ingress from, TokenBucket::Instant now) {
    const uint32_t place = (from.bits() * 0x9E3779B1u) >> (32 - std::countr_zero(kShares));
    return shares_[place].take(now) && node_.take(now);
  }

 private:
  static constexpr uint32_t kShares = 1024;
  TokenBucket node_;
  std::vector<TokenBucket> shares_;
};

}  // namespace farspan::dataplane
