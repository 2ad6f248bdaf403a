// SPDX-License-Identifier: Apache-2.0
// IcmpLimit: how many ICMP errors the node sends, and to whom (RFC 1812 §4.3.2.8).
//
// Each sender has a share of its own besides the node's limit, so that an office that provokes
// errors without end does not take path MTU discovery away from the others. A port or an office's
// tunnel is one sender. Behind a link are many, whose addresses the other node has checked: there
// the VRF and the packet's source make the sender, and the link as a whole has a limit, too, for an
// office there may have very many addresses. Shares are found by a hash; two senders that meet
// there have one share together, which costs them errors, never packets.
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
  struct Rates {
    Rate of_node{1000, 200}, of_link{500, 100}, of_sender{100, 50};
  };
  explicit IcmpLimit(const Rates& rates)
      : node_(rates.of_node.per_second, rates.of_node.at_once),
        links_(kLinks, TokenBucket(rates.of_link.per_second, rates.of_link.at_once)),
        senders_(kSenders, TokenBucket(rates.of_sender.per_second, rates.of_sender.at_once)) {}

  /// Whether one more error may be sent about a packet of a port or an office that came in at
  /// `from`.
  [[nodiscard]] bool take(Ingress from, TokenBucket::Instant now) {
    return at(senders_, from.bits()).take(now) && node_.take(now);
  }
  /// The same of a link.
  /// @param source  inner, host order
  [[nodiscard]] bool take_of_link(Ingress from, VrfIndex vrf, uint32_t source,
                                  TokenBucket::Instant now) {
    const uint64_t sender = uint64_t{source} << 32 | (from.bits() ^ vrf.value() << 16);
    return at(senders_, sender).take(now) && at(links_, from.bits()).take(now) && node_.take(now);
  }

 private:
  static constexpr uint32_t kSenders = 4096, kLinks = 256;

  static TokenBucket& at(std::vector<TokenBucket>& shares, uint64_t key) {
    // The multiplier of 2^64 by the golden ratio; the high bits are the mixed ones.
    return shares[(key * 0x9E3779B97F4A7C15u) >> (64 - std::countr_zero(shares.size()))];
  }

  TokenBucket node_;
  std::vector<TokenBucket> links_, senders_;
};

}  // namespace farspan::dataplane
