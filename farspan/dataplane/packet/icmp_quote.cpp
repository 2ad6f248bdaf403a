// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/icmp_quote.h"

#include "farspan/dataplane/packet/parse.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::IcmpHeader;
using net::Ipv4Header;
namespace protocol = net::protocol;

constexpr uint32_t kQuotedTransport = 8;  // at least so much of it is there (RFC 792)

}  // namespace

std::optional<QuotedPacket> read_quote(const SuperPacket& error) {
  if (error.piece_count == 0) return std::nullopt;
  const Piece& piece = error.pieces[0];  // errors are never coalesced: one piece
  if (piece.length < sizeof(Ipv4Header)) return std::nullopt;
  const auto& ip = net::header_at<Ipv4Header>(piece.bytes);
  const uint32_t header_length = ip.header_length();
  if (ip.version() != 4 || header_length < sizeof(Ipv4Header) ||
      piece.length < header_length + kQuotedTransport || ip.fragment_offset_bytes() != 0) {
    return std::nullopt;
  }
  QuotedPacket quoted;
  quoted.source = ip.source.value();
  quoted.destination = ip.destination.value();
  quoted.protocol = ip.protocol;
  quoted.is_fragment = ip.has_more_fragments();

  const uint8_t* transport = piece.bytes + header_length;
  if (ip.protocol == protocol::kTcp || ip.protocol == protocol::kUdp) {
    quoted.source_port = net::load_be16(transport);
    quoted.destination_port = net::load_be16(transport + 2);
  } else if (ip.protocol == protocol::kIcmp) {
    const auto& icmp = net::header_at<IcmpHeader>(transport);
    if (is_icmp_error_type(icmp.type)) return std::nullopt;  // RFC 1122 §3.2.2
    quoted.icmp_type = icmp.type;
    if (is_icmp_question(icmp.type) || icmp_question_of(icmp.type)) {
      quoted.source_port = quoted.destination_port = icmp.identifier.value();
    }
  }
  return quoted;
}

}  // namespace farspan::dataplane
