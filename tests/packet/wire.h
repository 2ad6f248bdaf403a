// SPDX-License-Identifier: Apache-2.0
// Wire: how the packet tests write packets down and read them back.
//
// Building and reading share no code with the data plane (own checksum, own offsets), so that both
// would have to be wrong in the same way for a test to pass. text_of() is the one notation in which
// packets are compared:
//
//   10.1.0.5 > 10.2.0.5 ttl=63 udp 4000 > 53 "hello"
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace farspan::dataplane::testing {

using Bytes = std::vector<uint8_t>;

struct Ip {
  std::string source, destination;
  uint8_t ttl = 64, tos = 0;
  bool has_df = false;
  uint16_t id = 1;
};

Bytes udp(const Ip& ip, uint16_t source_port, uint16_t destination_port,
          const std::string& payload);

struct Tcp {
  uint16_t source_port = 4000, destination_port = 80;
  uint32_t sequence = 1000, acknowledgment = 1;
  uint8_t flags = 0x10;  // ACK
  uint16_t mss = 0;      // 0: no option
};
Bytes tcp(const Ip& ip, const Tcp& tcp, const std::string& payload);
Bytes echo(const Ip& ip, bool is_request, uint16_t identifier, const std::string& payload);
/// An ICMP error about `quoted`.
Bytes icmp_error(const Ip& ip, uint8_t type, uint8_t code, const Bytes& quoted);
/// `packet` in fragments of `data_length` bytes of IP payload (a multiple of 8), as a host would
/// send them.
std::vector<Bytes> fragments_of(const Bytes& packet, size_t data_length);

/// `packet` with IPv4 options, a multiple of 4 bytes.
Bytes with_options(Bytes packet, const Bytes& options);
/// A label of the bottom of the stack, or not, in front of it (RFC 3032 §2.1).
Bytes labelled(const Bytes& packet, uint32_t label, bool is_bottom = true);

/// Ethernet in front of it.
Bytes frame(const Bytes& packet, uint16_t ethertype = 0x0800);
Bytes arp_request(const std::string& sender, const std::string& target);

/// One line that says everything the tests compare; checksums that are wrong are said to be. A
/// partial checksum (virtio NEEDS_CSUM) is not looked at. Long payloads show their length only.
std::string text_of(std::span<const uint8_t> packet, bool is_checksum_partial = false);

uint32_t address_of(const std::string& text);

}  // namespace farspan::dataplane::testing
