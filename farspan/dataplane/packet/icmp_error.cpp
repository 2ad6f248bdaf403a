// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/icmp_error.h"

#include <algorithm>
#include <cstring>

#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/packet/piece_cursor.h"
#include "farspan/dataplane/packet/rewrite.h"
#include "farspan/dataplane/packet/segment.h"
#include "farspan/net/checksum.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::IcmpHeader;
using net::Ipv4Header;
using net::TcpHeader;
using net::UdpHeader;
namespace protocol = net::protocol;

constexpr uint8_t kInternetworkControl = 0xc0;  // precedence 6 (RFC 1812 §4.3.2.5)
constexpr uint8_t kOwnTtl = 64;
constexpr uint32_t kErrorHeaders = sizeof(Ipv4Header) + sizeof(IcmpHeader);

struct TypeAndCode {
  uint8_t type, code;
};

TypeAndCode type_and_code(IcmpError error) {
  switch (error) {
    case IcmpError::kNetUnreachable:
      return {IcmpHeader::kUnreachable, 0};
    case IcmpError::kHostUnreachable:
      return {IcmpHeader::kUnreachable, 1};
    case IcmpError::kProtocolUnreachable:
      return {IcmpHeader::kUnreachable, 2};
    case IcmpError::kPortUnreachable:
      return {IcmpHeader::kUnreachable, 3};
    case IcmpError::kFragmentationNeeded:
      return {IcmpHeader::kUnreachable, 4};
    case IcmpError::kTtlExceeded:
      break;
  }
  return {IcmpHeader::kTimeExceeded, 0};
}

// Makes the copied header of a train that of its first segment: what Segmenter would write, without
// its payload.
void narrow_to_first_segment(SuperPacket& first) {
  first.payload_length = first.segment_size;
  first.segment_size = 0;
  auto& ip = net::header_at<Ipv4Header>(first.header);
  ip.total_length = static_cast<uint16_t>(first.length());
  ip.checksum = 0;
  ip.checksum = net::internet_checksum(first.header, first.parsed.ip_header_length);
  uint8_t* transport = first.header + first.parsed.ip_header_length;
  if (first.parsed.protocol == protocol::kTcp) {
    net::header_at<TcpHeader>(transport).flags &=
        static_cast<uint8_t>(~(TcpHeader::kFin | TcpHeader::kPsh));
  } else {
    net::header_at<UdpHeader>(transport).length =
        static_cast<uint16_t>(first.length() - first.parsed.ip_header_length);
  }
}

// Writes the first `room` bytes of the first wire packet, its checksums complete; answers how many.
uint32_t write_quote(const SuperPacket& about, uint8_t* to, uint32_t room) {
  std::memcpy(to, about.header, about.header_length);
  SuperPacket first;  // a view of the copied header and the same payload
  first.header = to;
  first.header_length = about.header_length;
  first.payload_length = about.payload_length;
  first.segment_size = about.segment_size;
  first.checksum = about.checksum;
  first.parsed = about.parsed;
  first.piece_count = about.piece_count;
  std::copy_n(about.pieces.begin(), about.piece_count, first.pieces.begin());
  if (about.wire_packets() > 1) narrow_to_first_segment(first);
  complete_checksum(first);

  const uint32_t length = std::min(room, first.length());
  PieceCursor(first).copy(to + first.header_length, length - first.header_length);
  return length;
}

}  // namespace

bool may_report(const SuperPacket& about) {
  const auto& ip = net::header_at<Ipv4Header>(about.header);
  return !about.parsed.is_icmp_error && ip.fragment_offset_bytes() == 0 &&
         !is_martian(about.parsed.source) && !is_martian(about.parsed.destination);
}

uint32_t write_icmp_error(const SuperPacket& about, IcmpError error, uint32_t router,
                          uint16_t next_hop_mtu, std::span<uint8_t, kMaxIcmpError> to) {
  const uint32_t quoted =
      write_quote(about, to.data() + kErrorHeaders, kMaxIcmpError - kErrorHeaders);
  const uint32_t length = kErrorHeaders + quoted;

  auto& icmp = net::header_at<IcmpHeader>(to.data() + sizeof(Ipv4Header));
  const TypeAndCode kind = type_and_code(error);
  icmp.type = kind.type;
  icmp.code = kind.code;
  icmp.checksum = 0;
  icmp.identifier = 0;
  icmp.sequence = next_hop_mtu;
  icmp.checksum =
      net::internet_checksum(to.data() + sizeof(Ipv4Header), sizeof(IcmpHeader) + quoted);

  auto& ip = net::header_at<Ipv4Header>(to.data());
  ip.version_ihl = 0x45;
  ip.tos = kInternetworkControl;
  ip.total_length = static_cast<uint16_t>(length);
  ip.id = 0;  // atomic (RFC 6864 §4.1)
  ip.flags_offset = Ipv4Header::kDontFragment;
  ip.ttl = kOwnTtl;
  ip.protocol = protocol::kIcmp;
  ip.checksum = 0;
  ip.source = router;
  ip.destination = about.parsed.source;
  ip.checksum = net::internet_checksum(to.data(), sizeof(Ipv4Header));
  return length;
}

bool is_echo_request(const SuperPacket& packet) {
  return packet.parsed.protocol == protocol::kIcmp && !packet.parsed.is_fragment &&
         packet.parsed.icmp_type == IcmpHeader::kEcho && packet.parsed.icmp_code == 0;
}

void make_echo_reply(SuperPacket& packet) {
  auto& ip = net::header_at<Ipv4Header>(packet.header);
  auto& icmp = net::header_at<IcmpHeader>(packet.header + packet.parsed.ip_header_length);
  icmp.type = IcmpHeader::kEchoReply;
  icmp.checksum = net::updated_checksum(icmp.checksum.value(), IcmpHeader::kEcho << 8, 0);
  packet.parsed.icmp_type = IcmpHeader::kEchoReply;

  const uint32_t asker = ip.source.value();
  ip.source = ip.destination.value();  // the sum does not notice an exchange
  ip.destination = asker;
  const auto before = static_cast<uint16_t>(ip.ttl << 8 | ip.protocol);
  const auto after = static_cast<uint16_t>(kOwnTtl << 8 | ip.protocol);
  ip.checksum = net::updated_checksum(ip.checksum.value(), before, after);
  ip.ttl = kOwnTtl;
  packet.parsed.ttl = kOwnTtl;
  std::swap(packet.parsed.source, packet.parsed.destination);
}

}  // namespace farspan::dataplane
