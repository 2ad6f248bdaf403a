// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/parse.h"

#include "farspan/dataplane/packet/pseudo_header.h"
#include "farspan/net/checksum.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::IcmpHeader;
using net::Ipv4Header;
using net::TcpHeader;
using net::UdpHeader;
namespace protocol = net::protocol;

constexpr uint8_t kEndOfOptions = 0, kNoOperation = 1, kLooseSourceRoute = 131,
                  kStrictSourceRoute = 137;

std::optional<DropReason> check_options(const uint8_t* options, size_t length) {
  for (size_t at = 0; at < length;) {
    const uint8_t type = options[at];
    if (type == kEndOfOptions) break;
    if (type == kNoOperation) {
      ++at;
      continue;
    }
    if (type == kLooseSourceRoute || type == kStrictSourceRoute) return DropReason::kIpv4Options;
    if (length - at < 2 || options[at + 1] < 2 || options[at + 1] > length - at) {
      return DropReason::kMalformedIpv4;
    }
    at += options[at + 1];
  }
  return std::nullopt;
}

// 1. The IPv4 header: lengths, checksum, options, addresses. `bytes` loses what is behind the total
// length.
std::optional<DropReason> parse_ipv4(std::span<uint8_t>& bytes, Parsed& parsed) {
  if (bytes.size() < sizeof(Ipv4Header)) return DropReason::kMalformedIpv4;
  const auto& ip = net::header_at<Ipv4Header>(bytes.data());
  const uint16_t header_length = ip.header_length();
  const uint16_t total_length = ip.total_length.value();
  if (ip.version() != 4 || header_length < sizeof(Ipv4Header) || total_length < header_length ||
      total_length > bytes.size()) {
    return DropReason::kMalformedIpv4;
  }
  net::InternetSum sum;
  sum.add(bytes.data(), sizeof(Ipv4Header));  // of a constant length: nearly all have no options
  if (header_length > sizeof(Ipv4Header))
    sum.add(bytes.data() + sizeof(Ipv4Header), header_length - sizeof(Ipv4Header));
  if (!sum.is_intact()) return DropReason::kMalformedIpv4;
  if (header_length > sizeof(Ipv4Header)) {
    const auto drop =
        check_options(bytes.data() + sizeof(Ipv4Header), header_length - sizeof(Ipv4Header));
    if (drop) return drop;
  }
  bytes = bytes.first(total_length);

  parsed = Parsed{};
  parsed.source = ip.source.value();
  parsed.destination = ip.destination.value();
  if (is_martian(parsed.source) || is_martian(parsed.destination))
    return DropReason::kMartianAddress;
  const uint16_t flags_offset = ip.flags_offset.value();
  parsed.protocol = ip.protocol;
  parsed.ttl = ip.ttl;
  parsed.tos = ip.tos;
  parsed.has_df = (flags_offset & Ipv4Header::kDontFragment) != 0;
  parsed.is_fragment = (flags_offset & (Ipv4Header::kMoreFragments | Ipv4Header::kOffsetMask)) != 0;
  parsed.ip_header_length = header_length;
  return std::nullopt;
}

// A fragment must not be empty, not go past the largest datagram, and only the last may have an odd
// size.
std::optional<DropReason> check_fragment(std::span<const uint8_t> bytes, uint16_t header_length) {
  const auto& ip = net::header_at<Ipv4Header>(bytes.data());
  const size_t data = bytes.size() - header_length;
  if (data == 0 || (ip.has_more_fragments() && data % 8 != 0)) return DropReason::kMalformedIpv4;
  if (ip.fragment_offset_bytes() + data + header_length > SuperPacket::kMaxLength) {
    return DropReason::kMalformedIpv4;
  }
  return std::nullopt;
}

// 2. The transport header. Answers its length, or 0 when it is cut short or its lengths are wrong.
uint16_t parse_transport(std::span<const uint8_t> transport, Parsed& parsed) {
  switch (parsed.protocol) {
    case protocol::kTcp: {
      if (transport.size() < sizeof(TcpHeader)) return 0;
      const auto& tcp = net::header_at<TcpHeader>(transport.data());
      const uint16_t length = tcp.header_length();
      if (length < sizeof(TcpHeader) || length > transport.size()) return 0;
      parsed.source_port = tcp.source_port.value();
      parsed.destination_port = tcp.destination_port.value();
      parsed.tcp_flags = tcp.flags;
      return length;
    }
    case protocol::kUdp: {
      if (transport.size() < sizeof(UdpHeader)) return 0;
      const auto& udp = net::header_at<UdpHeader>(transport.data());
      const uint16_t length = udp.length.value();
      if (length < sizeof(UdpHeader) || length > transport.size()) return 0;
      parsed.source_port = udp.source_port.value();
      parsed.destination_port = udp.destination_port.value();
      return sizeof(UdpHeader);
    }
    case protocol::kIcmp: {
      if (transport.size() < sizeof(IcmpHeader)) return 0;
      const auto& icmp = net::header_at<IcmpHeader>(transport.data());
      parsed.icmp_type = icmp.type;
      parsed.icmp_code = icmp.code;
      if (is_icmp_question(icmp.type) || icmp_question_of(icmp.type)) {
        parsed.source_port = parsed.destination_port = icmp.identifier.value();
      }
      parsed.is_icmp_error = is_icmp_error_type(icmp.type);
      return sizeof(IcmpHeader);
    }
    default:
      return 0;
  }
}

bool has_transport_header(uint8_t protocol) {
  return protocol == protocol::kTcp || protocol == protocol::kUdp || protocol == protocol::kIcmp;
}

// A sum somewhere inside the payload is what a device asks for when the instance itself tunnels
// (VXLAN, GRE): done here, so that nobody later needs to know of it. Only behind the headers that
// were parsed: policy must decide about the bytes that leave.
bool complete_inner_checksum(const VirtioHeader& virtio, size_t link_header_length,
                             SuperPacket& packet) {
  const size_t start = size_t{virtio.checksum_start} - link_header_length;
  const size_t field = start + virtio.checksum_offset;
  if (start < packet.header_length || field + 2 > packet.length()) return false;
  const uint16_t checksum = net::internet_checksum(packet.header + start, packet.length() - start);
  net::store_be16(packet.header + field, checksum == 0 ? uint16_t{0xffff} : checksum);
  return true;
}

// The checksum part of a virtio header. False when it contradicts the packet.
bool apply_checksum_offload(const VirtioHeader& virtio, size_t link_header_length,
                            SuperPacket& packet) {
  if (!(virtio.flags & VirtioHeader::kNeedsChecksum)) {
    if (virtio.flags & VirtioHeader::kDataValid) packet.checksum = Checksum::kValid;
    return true;
  }
  const Parsed& parsed = packet.parsed;
  const size_t own_start = link_header_length + parsed.ip_header_length;
  if (parsed.is_fragment || virtio.checksum_start < own_start) return false;
  if (virtio.checksum_start > own_start || !has_pseudo_header(parsed.protocol)) {
    return complete_inner_checksum(virtio, link_header_length, packet);
  }
  if (virtio.checksum_offset != checksum_offset_of(parsed.protocol)) return false;
  if (parsed.protocol == protocol::kUdp) {  // a sum over more than the datagram would be wrong
    const auto& udp = net::header_at<UdpHeader>(packet.header + parsed.ip_header_length);
    if (udp.length.value() != packet.length() - parsed.ip_header_length) return false;
  }
  packet.checksum = Checksum::kPartial;
  return true;
}

// The segmentation part. False when it contradicts the packet.
bool apply_segmentation_offload(const VirtioHeader& virtio, SuperPacket& packet) {
  const uint8_t type = virtio.gso_type & static_cast<uint8_t>(~VirtioHeader::kEcn);
  if (type == VirtioHeader::kNone) return virtio.gso_type == VirtioHeader::kNone;
  if (packet.checksum != Checksum::kPartial || virtio.gso_size == 0) return false;
  const bool is_tcp = type == VirtioHeader::kTcpV4 && packet.parsed.protocol == protocol::kTcp;
  const bool is_udp = type == VirtioHeader::kUdpL4 && packet.parsed.protocol == protocol::kUdp;
  if (!is_tcp && !is_udp) return false;
  packet.segment_size = virtio.gso_size;
  if (packet.payload_length <= virtio.gso_size) packet.segment_size = 0;  // a train of one
  return packet.wire_packets() <= kMaxWirePackets;
}

}  // namespace

std::optional<DropReason> parse(std::span<uint8_t> bytes, SuperPacket& packet) {
  Parsed& parsed = packet.parsed;
  if (const auto drop = parse_ipv4(bytes, parsed)) return drop;

  uint16_t header_length = parsed.ip_header_length;
  if (parsed.is_fragment) {
    if (const auto drop = check_fragment(bytes, header_length)) return drop;
  } else if (has_transport_header(parsed.protocol)) {
    const uint16_t transport_length = parse_transport(bytes.subspan(header_length), parsed);
    if (transport_length == 0) return DropReason::kMalformedTransport;
    header_length = static_cast<uint16_t>(header_length + transport_length);
  }

  packet.header = bytes.data();
  packet.header_length = header_length;
  packet.segment_size = 0;
  packet.checksum = Checksum::kUnchecked;
  packet.outer_ecn = 0;
  packet.max_fragment = 0;
  packet.payload_length = static_cast<uint32_t>(bytes.size()) - header_length;
  packet.piece_count = packet.payload_length > 0 ? 1 : 0;
  packet.pieces[0] = {bytes.data() + header_length, packet.payload_length};
  return std::nullopt;
}

std::optional<DropReason> parse_from_port(std::span<uint8_t> frame, size_t link_header_length,
                                          const VirtioHeader& virtio, SuperPacket& packet) {
  if (frame.size() < link_header_length) return DropReason::kMalformedIpv4;
  if (const auto drop = parse(frame.subspan(link_header_length), packet)) return drop;
  if (virtio.header_length > frame.size()) return DropReason::kBadVirtioHeader;
  if (!apply_checksum_offload(virtio, link_header_length, packet) ||
      !apply_segmentation_offload(virtio, packet)) {
    return DropReason::kBadVirtioHeader;
  }
  return std::nullopt;
}

}  // namespace farspan::dataplane
