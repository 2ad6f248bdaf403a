// SPDX-License-Identifier: Apache-2.0
// inner_flow: what of a packet the traffic selectors of a Child SA look at.
#pragma once

#include "farspan/dataplane/ipsec/inbound_sa.h"
#include "farspan/dataplane/ipsec/selector.h"
#include "farspan/dataplane/packet/super_packet.h"

namespace farspan::dataplane {

inline ipsec::InnerFlow inner_flow(const SuperPacket& packet) {
  const Parsed& p = packet.parsed;
  return {p.source, p.destination, p.source_port, p.destination_port, p.protocol};
}

inline bool is_inside_selectors(const SuperPacket& packet, const ipsec::InboundSa& sa) {
  return sa.selectors().covers(inner_flow(packet));
}

}  // namespace farspan::dataplane
