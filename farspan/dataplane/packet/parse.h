// SPDX-License-Identifier: Apache-2.0
// parse: is this buffer an IPv4 packet that may be routed, and where are its parts?
//
// Everything later may trust offsets and lengths without looking again. Nothing is copied and, but
// for an odd checksum offload that is completed in place, nothing is written: the SuperPacket
// points into the buffer.
//
// Fragments are only flagged: they have no transport header to check (reassemble.h). Transport
// checksums are not verified: hosts do that, and the coalescer where it must.
//
// Not here: Ethernet and ARP (arp.h), whose address it is (the pipeline).
// Threads: pure; changes only `packet`.
// Standards: RFC 791, RFC 1812 §5.2.2, RFC 6890 (martians), RFC 7126 §4.3 (source routes),
// VIRTIO 1.2 §5.1.6.
#pragma once

#include <optional>
#include <span>

#include "farspan/dataplane/drop_reason.h"
#include "farspan/dataplane/packet/super_packet.h"
#include "farspan/dataplane/packet/virtio.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {

/// TSO trains of a device have at least this segment size, so that one read never becomes more than
/// kMaxWirePackets; the kernel's own floor (tcp_min_snd_mss).
inline constexpr uint16_t kMinSegmentSize = 48;
inline constexpr uint32_t kMaxWirePackets = SuperPacket::kMaxLength / kMinSegmentSize + 1;

/// Lays `packet` over `bytes`, which came from a wire (a tunnel, a reassembled datagram, a port
/// without offloads). Bytes behind the IPv4 total length are left out. Every field of `packet` but
/// unused pieces and the buffers is set; outer_ecn and max_fragment become 0.
///
/// @return why the packet must be dropped, or nothing
[[nodiscard]] std::optional<DropReason> parse(std::span<uint8_t> bytes, SuperPacket& packet);

/// The same for a frame that a device sent with offloads: IPv4 starts behind `link_header_length`
/// bytes. kBadVirtioHeader when `virtio` contradicts the packet.
[[nodiscard]] std::optional<DropReason> parse_from_port(std::span<uint8_t> frame,
                                                        size_t link_header_length,
                                                        const VirtioHeader& virtio,
                                                        SuperPacket& packet);

/// True for addresses no packet may be routed from or to: this-network, loopback, link-local,
/// multicast, reserved and broadcast (RFC 6890, RFC 1812 §5.3.7). @param address host order
constexpr bool is_martian(uint32_t address) {
  const uint32_t top = address >> 24;
  return top - 1 >= 223 || top == 127 || (address >> 16) == 0xa9fe;
}

/// True for ICMP messages that are about another packet and quote it (RFC 792).
constexpr bool is_icmp_error_type(uint8_t type) {
  return type == net::IcmpHeader::kUnreachable || type == net::IcmpHeader::kSourceQuench ||
         type == net::IcmpHeader::kRedirect || type == net::IcmpHeader::kTimeExceeded ||
         type == net::IcmpHeader::kParameterProblem;
}

/// The type of the question that an ICMP message of `type` answers; nothing for other messages
/// (RFC 792, RFC 950).
constexpr std::optional<uint8_t> icmp_question_of(uint8_t type) {
  constexpr uint8_t kEchoReply = 0, kTimestampReply = 14, kInformationReply = 16, kMaskReply = 18;
  if (type == kEchoReply) return net::IcmpHeader::kEcho;
  if (type == kTimestampReply || type == kInformationReply || type == kMaskReply)
    return static_cast<uint8_t>(type - 1);
  return std::nullopt;
}

constexpr bool is_icmp_question(uint8_t type) {
  return type == net::IcmpHeader::kEcho || icmp_question_of(static_cast<uint8_t>(type + 1)) == type;
}

/// Whether a router forwards ICMP messages of `type`: questions, answers, and errors but source
/// quench and redirect (RFC 6633 §3, RFC 1812 §5.2.7.2).
constexpr bool is_forwarded_icmp(uint8_t type) {
  return is_icmp_question(type) || icmp_question_of(type).has_value() ||
         type == net::IcmpHeader::kUnreachable || type == net::IcmpHeader::kTimeExceeded ||
         type == net::IcmpHeader::kParameterProblem;
}

}  // namespace farspan::dataplane
