// SPDX-License-Identifier: Apache-2.0
// The pseudo-header of TCP and UDP checksums, and where their field stands.
//
// Not here: the sum itself (net/checksum.h).
// Threads: pure.
// Standards: RFC 9293 §3.1, RFC 768.
#pragma once

#include <cstdint>

#include "farspan/net/checksum.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {

/// Adds addresses and protocol, but not the length, of the IPv4 packet at `header`.
inline void add_addresses_and_protocol(net::InternetSum& sum, const uint8_t* header) {
  const auto& ip = net::header_at<net::Ipv4Header>(header);
  sum.add(ip.source.bytes, 8);  // source and destination lie side by side
  sum.add16(ip.protocol);
}

/// Offset of the checksum field in a TCP or UDP header.
constexpr size_t checksum_offset_of(uint8_t protocol) {
  return protocol == net::protocol::kTcp ? net::TcpHeader::kChecksumOffset
                                         : net::UdpHeader::kChecksumOffset;
}

constexpr bool has_pseudo_header(uint8_t protocol) {
  return protocol == net::protocol::kTcp || protocol == net::protocol::kUdp;
}

/// What the field holds for a sum: UDP says all-ones where the checksum is 0, because 0 means none
/// (RFC 768).
inline uint16_t transport_checksum(const net::InternetSum& sum, uint8_t protocol) {
  const uint16_t checksum = sum.checksum();
  return checksum == 0 && protocol == net::protocol::kUdp ? uint16_t{0xffff} : checksum;
}

}  // namespace farspan::dataplane
