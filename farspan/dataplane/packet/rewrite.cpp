// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/rewrite.h"

#include "farspan/dataplane/packet/piece_cursor.h"
#include "farspan/dataplane/packet/pseudo_header.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::Ipv4Header;
namespace protocol = net::protocol;

// Of the packet whose transport header and data have `length` bytes.
net::InternetSum sum_of_pseudo_header(const uint8_t* packet, uint32_t length) {
  net::InternetSum sum;
  add_addresses_and_protocol(sum, packet);
  sum.add16(static_cast<uint16_t>(length));
  return sum;
}

}  // namespace

// RFC 1624 §3 for a word that is 0x100 less: the checksum is as much more.
bool decrement_ttl(SuperPacket& packet) {
  auto& ip = net::header_at<Ipv4Header>(packet.header);
  if (ip.ttl <= 1) return false;
  const uint32_t sum = ip.checksum.value() + 0x100u;
  ip.checksum = static_cast<uint16_t>(sum + (sum >= 0xffff ? 1 : 0));
  packet.parsed.ttl = --ip.ttl;
  return true;
}

void set_icmp_source(SuperPacket& packet, uint32_t source) {
  auto& ip = net::header_at<Ipv4Header>(packet.header);
  ip.checksum = net::updated_checksum32(ip.checksum.value(), ip.source.value(), source);
  ip.source = source;
  packet.parsed.source = source;
}

void set_tos(SuperPacket& packet, uint8_t tos) {
  auto& ip = net::header_at<Ipv4Header>(packet.header);
  const auto before = static_cast<uint16_t>(ip.version_ihl << 8 | ip.tos);
  const auto after = static_cast<uint16_t>(ip.version_ihl << 8 | tos);
  ip.checksum = net::updated_checksum(ip.checksum.value(), before, after);
  packet.parsed.tos = ip.tos = tos;
}

void complete_checksum(SuperPacket& packet) {
  if (packet.checksum != Checksum::kPartial) return;
  const uint32_t ip_length = packet.parsed.ip_header_length;
  uint8_t* const transport = packet.header + ip_length;
  uint8_t* const field = transport + checksum_offset_of(packet.parsed.protocol);
  net::store_be16(field, 0);
  net::InternetSum sum = sum_of_pseudo_header(packet.header, packet.length() - ip_length);
  sum.add(transport, packet.header_length - ip_length);
  PieceCursor(packet).sum(packet.payload_length, sum);
  net::store_be16(field, transport_checksum(sum, packet.parsed.protocol));
  packet.checksum = Checksum::kValid;
}

bool has_valid_checksum(const SuperPacket& packet) {
  const Parsed& parsed = packet.parsed;
  const bool has_pseudo = has_pseudo_header(parsed.protocol);
  if (packet.checksum != Checksum::kUnchecked || parsed.is_fragment) return true;
  if (!has_pseudo && parsed.protocol != protocol::kIcmp) return true;

  const uint8_t* transport = packet.header + parsed.ip_header_length;
  const uint32_t header_length = packet.header_length - parsed.ip_header_length;
  uint32_t payload = packet.payload_length;
  if (parsed.protocol == protocol::kUdp) {
    const auto& udp = net::header_at<net::UdpHeader>(transport);
    if (udp.checksum.value() == 0) return true;
    payload = udp.length.value() - header_length;  // bytes behind the datagram do not count
  }
  net::InternetSum sum;
  if (has_pseudo) sum = sum_of_pseudo_header(packet.header, header_length + payload);
  if (packet.is_contiguous()) {
    sum.add(transport, header_length + payload);  // as it came from a wire: one range
  } else {
    sum.add(transport, header_length);
    PieceCursor(packet).sum(payload, sum);
  }
  return sum.is_intact();
}

}  // namespace farspan::dataplane
