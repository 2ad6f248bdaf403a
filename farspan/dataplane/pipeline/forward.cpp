// SPDX-License-Identifier: Apache-2.0
// forward: from admitted packets to the stage that sends them.
//
// 1. the burst asks the cache for what will be read, a step at a time
// 2. fragments wait for the rest of their datagram
// 3. its flow says where a packet goes, or decide() does
// 4. one hop less
// 5. SYNs announce no more than the tunnels carry
#include "farspan/dataplane/packet/mss_clamp.h"
#include "farspan/dataplane/packet/rewrite.h"
#include "farspan/dataplane/pipeline/inner_flow.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {

void Pipeline::forward_burst(uint32_t count) {
  prefetch(count);
  for (uint32_t i = 0; i < count; ++i) {
    forward((*burst_)[i]);
    (*burst_)[i].packet.release();  // what nobody took
  }
}

// With thousands of flows nothing of a flow is in the cache, and a packet would wait for each of
// its lines in turn. So the packets of a burst ask for theirs together: the index, when it has come
// the flows, when they have come the SAs. A guess that is wrong costs time and nothing else.
void Pipeline::prefetch(uint32_t count) {
  std::array<const Flow*, kBurst> flows;
  for (uint32_t i = 0; i < count; ++i) {
    Passage& passage = (*burst_)[i];
    if (passage.packet.parsed.is_fragment || passage.packet.parsed.is_icmp_error) continue;
    passage.query = query_of(passage);
    flows_.prefetch(passage.query);
  }
  if (count < 2) return;
  for (uint32_t i = 0; i < count; ++i) flows[i] = flows_.prefetch_flow((*burst_)[i].query);
  for (uint32_t i = 0; i < count; ++i) {
    if (flows[i] == nullptr || (i > 0 && flows[i] == flows[i - 1])) continue;
    const Flow& flow = *flows[i];
    const auto direction =
        static_cast<FlowDirection>((*burst_)[i].query.source_end ^ flow.original_end);
    if (const auto* const sa = flow.way(direction).sa_of(sas_version_)) sa->prefetch();
  }
}

void Pipeline::forward(Passage& passage) {
  passage.packet.parsed.is_fragment ? reassemble(passage) : forward_whole(passage);
}

// The whole datagram goes on where its last fragment was.
void Pipeline::reassemble(Passage& passage) {
  const Arrival& from = passage.from;
  SuperPacket& packet = passage.packet;
  const uint64_t ingress = from.ingress.is_port()
                               ? uint64_t{from.ingress.port().value()}
                               : uint64_t{1} << 32 | from.ingress.tunnel().value();
  const auto answer =
      reassembler_.add(packet, tables_->at(from.vrf).id.value(), ingress, now_, packet);
  if (answer.dropped) counters_.drop(answer.dropped->reason, answer.dropped->wire_packets);
  if (answer.evicted) counters_.drop(answer.evicted->reason, answer.evicted->wire_packets);
  if (!answer.is_whole) return;
  counters_.add(Counter::kConsumed, answer.wire_packets - 1);  // one packet goes on in their place
  if (from.sa != nullptr && !is_inside_selectors(packet, *from.sa))
    return end(packet, DropReason::kInnerPolicy);
  passage.query = query_of(passage);
  forward_whole(passage);
}

void Pipeline::forward_whole(Passage& passage) {
  SuperPacket& packet = passage.packet;
  const Arrival& from = passage.from;
  const Decision decision = decide(passage);
  if (decision.drop) {
    const DropReason reason = *decision.drop;
    if (reason == DropReason::kHostUnreachable) report(packet, from, IcmpError::kHostUnreachable);
    if (reason == DropReason::kNoRoute) report(packet, from, IcmpError::kNetUnreachable);
    return end(packet, reason);
  }
  if (decision.adjacency.kind == AdjacencyKind::kRouter) return answer_as_router(packet, from);
  if (packet.parsed.ttl <= 1) {
    report(packet, from, IcmpError::kTtlExceeded);
    return end(packet, DropReason::kTtlExceeded);
  }
  clamp_by_ingress(packet, from);
  watch_answer(packet, from);
  send(packet, decision.adjacency, from, decision.way);
}

// TTL is lowered by the stages themselves, once they know that no ICMP error will quote the packet.
void Pipeline::send(SuperPacket& packet, const Adjacency& adjacency, const Arrival& from,
                    FlowWay* way) {
  if (adjacency.kind == AdjacencyKind::kPort) return to_port(packet, adjacency.port(), from);
  to_tunnel(packet, adjacency, from, way);
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
