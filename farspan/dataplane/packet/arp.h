// SPDX-License-Identifier: Apache-2.0
// ARP on a port: the node answers for every address, because every packet of an instance is routed.
//
// Not for the instance's own address: that would look like a conflict to duplicate address
// detection (RFC 5227). Nothing is learned: which MAC address an instance has is configuration.
//
// Not here: Ethernet of data frames (the port).
// Threads: pure.
// Standards: RFC 826, RFC 1027 (proxy ARP), RFC 5227.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "farspan/dataplane/drop_reason.h"
#include "farspan/net/address.h"

namespace farspan::dataplane {

inline constexpr size_t kArpFrame = 42;  // Ethernet header and ARP packet, without padding

struct ArpAnswer {
  bool has_reply = false;          // `reply` was filled; otherwise the frame is consumed in silence
  std::optional<DropReason> drop;  // kMalformedArp
};

/// Answers one ARP frame, its Ethernet header included, of the port that owns `port_address` (host
/// order).
ArpAnswer answer_arp(std::span<const uint8_t> frame, uint32_t port_address,
                     const net::MacAddress& node_mac, std::array<uint8_t, kArpFrame>& reply);

}  // namespace farspan::dataplane
