// SPDX-License-Identifier: Apache-2.0
// Which packet is this ICMP error about? Needed to find its flow.
//
// Quotes may be cut to the IPv4 header and 8 bytes (RFC 792), and routers on the way may have
// changed them: only bounds are checked, no checksum.
//
// Not here: translating or changing quotes; nothing is translated in this data plane.
// Threads: pure.
// Standards: RFC 792, RFC 1812 §4.3.2.3, RFC 5508 §3 (what a middlebox looks at).
#pragma once

#include <cstdint>
#include <optional>

#include "farspan/dataplane/packet/super_packet.h"

namespace farspan::dataplane {

struct QuotedPacket {
  uint32_t source = 0, destination = 0;  // host order
  uint16_t source_port = 0,
           destination_port =
               0;  // ICMP questions and answers: identifier in both; other protocols: 0
  uint8_t protocol = 0;
  uint8_t icmp_type = 0;
  bool is_fragment = false;  // a first fragment: ports are there
};

/// The packet quoted by an error, or nothing when the quote is too short or malformed, or quotes a
/// later fragment or another ICMP error. @pre error.parsed.is_icmp_error
std::optional<QuotedPacket> read_quote(const SuperPacket& error);

}  // namespace farspan::dataplane
