// SPDX-License-Identifier: Apache-2.0
// inner_flow: what of a packet the traffic selectors of a Child SA look at.
//
// An ICMP error may come from any router on the way, whose address no selector names. When they do
// not cover the error itself, they look at the packet it is about, turned round: the error goes
// with the answers to that packet (RFC 4301 §6.2).
#pragma once

#include <optional>

#include "farspan/dataplane/ipsec/inbound_sa.h"
#include "farspan/dataplane/ipsec/selector.h"
#include "farspan/dataplane/packet/icmp_quote.h"
#include "farspan/dataplane/packet/super_packet.h"

namespace farspan::dataplane {

inline ipsec::InnerFlow inner_flow(const SuperPacket& packet) {
  const Parsed& p = packet.parsed;
  return {p.source, p.destination, p.source_port, p.destination_port, p.protocol};
}

/// The flow of answers to the packet that an ICMP error is about; nothing for other packets.
inline std::optional<ipsec::InnerFlow> flow_beside(const SuperPacket& packet) {
  if (!packet.parsed.is_icmp_error) return std::nullopt;
  const auto quoted = read_quote(packet);
  if (!quoted) return std::nullopt;
  return ipsec::InnerFlow{quoted->destination, quoted->source, quoted->destination_port,
                          quoted->source_port, quoted->protocol};
}

inline bool is_inside_selectors(const SuperPacket& packet, const ipsec::InboundSa& sa) {
  if (sa.selectors().covers(inner_flow(packet))) return true;
  const auto beside = flow_beside(packet);
  return beside && sa.selectors().covers(*beside);
}

}  // namespace farspan::dataplane
