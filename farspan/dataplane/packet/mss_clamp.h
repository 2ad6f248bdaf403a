// SPDX-License-Identifier: Apache-2.0
// Clamps the MSS that a TCP SYN announces, so that segments fit the tunnel without ICMP reaching
// the hosts.
//
// Never adds the option: without it 536 is assumed (RFC 9293 §3.7.1), which fits everything.
//
// Not here: what the tunnel's MTU is (the pipeline).
// Threads: pure; changes only `packet`.
// Standards: RFC 9293 §3.2, RFC 4459 §3.4 (the practice), RFC 1624.
#pragma once

#include <cstdint>

#include "farspan/dataplane/packet/super_packet.h"

namespace farspan::dataplane {

/// Lowers the MSS option of a SYN or SYN-ACK to `max_mss`. True when something changed. Malformed
/// options are left alone.
bool clamp_mss(SuperPacket& packet, uint16_t max_mss);

/// The MSS that fits an MTU: IPv4 and TCP header without options (RFC 6691).
constexpr uint16_t mss_for_mtu(uint32_t mtu) {
  return static_cast<uint16_t>(mtu > 40 ? mtu - 40 : 0);
}

}  // namespace farspan::dataplane
