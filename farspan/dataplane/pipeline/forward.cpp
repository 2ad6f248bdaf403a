// SPDX-License-Identifier: Apache-2.0
// forward: from an admitted packet to the stage that sends it.
//
// 1. fragments wait for the rest of their datagram
// 2. its flow says where it goes, or decide() does
// 3. one hop less
// 4. SYNs announce no more than the tunnels carry
#include "farspan/dataplane/packet/mss_clamp.h"
#include "farspan/dataplane/packet/rewrite.h"
#include "farspan/dataplane/pipeline/inner_flow.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {

void Pipeline::forward(SuperPacket& packet, const Arrival& from) {
  if (packet.parsed.is_fragment) return reassemble(packet, from);
  forward_whole(packet, from);
}

void Pipeline::reassemble(SuperPacket& fragment, const Arrival& from) {
  const uint64_t ingress = from.ingress.is_port()
                               ? uint64_t{from.ingress.port().value()}
                               : uint64_t{1} << 32 | from.ingress.tunnel().value();
  const auto answer =
      reassembler_.add(fragment, tables_->at(from.vrf).id.value(), ingress, now_, whole_);
  if (answer.dropped) counters_.drop(answer.dropped->reason, answer.dropped->wire_packets);
  if (answer.evicted) counters_.drop(answer.evicted->reason, answer.evicted->wire_packets);
  if (!answer.is_whole) return;
  counters_.add(Counter::kConsumed, answer.wire_packets - 1);  // one packet goes on in their place
  if (from.sa != nullptr && !is_inside_selectors(whole_, *from.sa))
    return drop(whole_, DropReason::kInnerPolicy);
  forward_whole(whole_, from);
}

void Pipeline::forward_whole(SuperPacket& packet, const Arrival& from) {
  const FlowDecision& decision = decide(packet, from);
  if (decision.verdict == FlowVerdict::kDrop) {
    const DropReason reason = decision.reason;
    if (reason == DropReason::kHostUnreachable) report(packet, from, IcmpError::kHostUnreachable);
    if (reason == DropReason::kNoRoute) report(packet, from, IcmpError::kNetUnreachable);
    return drop(packet, reason);
  }
  const Adjacency adjacency = decision.adjacency;
  if (adjacency.kind == AdjacencyKind::kRouter) return answer_as_router(packet, from);
  if (packet.parsed.ttl <= 1) {
    report(packet, from, IcmpError::kTtlExceeded);
    return drop(packet, DropReason::kTtlExceeded);
  }
  clamp_by_ingress(packet, from);
  watch_answer(packet, from);
  send(packet, adjacency, from);
}

// TTL is lowered by the stages themselves, once they know that no ICMP error will quote the packet.
void Pipeline::send(SuperPacket& packet, const Adjacency& adjacency, const Arrival& from) {
  if (adjacency.kind == AdjacencyKind::kPort) return to_port(packet, adjacency.port(), from);
  to_tunnel(packet, adjacency, from);
}

bool Pipeline::lower_ttl(SuperPacket& packet, const Arrival& from) {
  return from.is_own || decrement_ttl(packet);
}

// The other end's SYN tells ours how much may come back through the tunnel it arrived by.
void Pipeline::clamp_by_ingress(SuperPacket& packet, const Arrival& from) {
  if (!from.ingress.is_tunnel() || packet.parsed.protocol != net::protocol::kTcp ||
      (packet.parsed.tcp_flags & net::TcpHeader::kSyn) == 0)
    return;
  const TunnelEntry& tunnel = tables_->at(from.ingress.tunnel());
  if (ipsec::OutboundSa* sa = sad_->newest_outbound(tunnel.id.value())) {
    clamp_mss(packet, mss_for_mtu(tunnel_mtu(*sa, tunnel.is_link)));
  }
}

}  // namespace farspan::dataplane
