// SPDX-License-Identifier: Apache-2.0
// What a router changes in a packet's headers while it passes, each with its checksum kept right.
//
// Incremental (RFC 1624), so that a packet that was damaged before stays recognisably damaged.
//
// Not here: splitting (segment.h, fragment.h), MSS (mss_clamp.h), ECN (ecn.h).
// Threads: pure; change only `packet`.
#pragma once

#include <cstdint>

#include "farspan/dataplane/packet/super_packet.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {

/// One hop less. False, and nothing changed, when the packet may not be forwarded any further (RFC
/// 1812 §5.3.1).
[[nodiscard]] bool decrement_ttl(SuperPacket& packet);

/// Replaces the source of an ICMP packet, which no checksum of ICMP covers.
/// @pre packet.parsed.protocol is ICMP
void set_icmp_source(SuperPacket& packet, uint32_t source);

/// Replaces DSCP and ECN.
void set_tos(SuperPacket& packet, uint8_t tos);

/// Replaces a kPartial transport checksum by the complete one, over all pieces. @pre segment_size
/// == 0
void complete_checksum(SuperPacket& packet);

/// True when the TCP, UDP or ICMP checksum is right; a UDP checksum of 0 counts as right (RFC 768).
/// Other protocols, fragments and kPartial packets: true. Changes nothing.
[[nodiscard]] bool has_valid_checksum(const SuperPacket& packet);

}  // namespace farspan::dataplane
