// SPDX-License-Identifier: Apache-2.0
// decide: may this packet pass, and where does it go? Remembered per flow and direction.
//
// A decision holds for one version of the tables and one ingress. When either changes the flow is
// judged again, as its first packet was: by the security groups of the sender and the receiver of
// the original direction. A reply needs no rule of its own, but only when it comes from where the
// original packets go.
//
// Nobody speaks for somebody else: what comes by a tunnel passes only if the way back to its source
// leads there (RFC 2827 §3, strict: RFC 3704 §2.2), policy routes included. A link can so carry
// nothing for a Vpc none of whose routes leads to it. It is asked when a flow begins or is judged
// again, and never of a decided flow's packets: they cannot be anything else.
#include "farspan/dataplane/packet/icmp_quote.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

FlowDecision dropped(DropReason reason, TablesVersion version, Ingress ingress) {
  return {.adjacency = {},
          .version = version,
          .ingress = ingress,
          .verdict = FlowVerdict::kDrop,
          .reason = reason};
}

// Whether an address that `way` leads to cannot stand behind a tunnel. The router's stands on every
// node of its Vpc: behind links, too.
bool is_here(const Adjacency& way, bool is_over_link) {
  return way.kind == AdjacencyKind::kPort || way.kind == AdjacencyKind::kUnreachable ||
         (way.kind == AdjacencyKind::kRouter && !is_over_link);
}

bool leads_to(const Adjacency& adjacency, Ingress side) {
  return (adjacency.kind == AdjacencyKind::kPort && side == Ingress::of(adjacency.port())) ||
         (adjacency.kind == AdjacencyKind::kTunnel && side == Ingress::of(adjacency.tunnel()));
}

uint8_t flags_of(const SuperPacket& packet) {
  return packet.parsed.protocol == net::protocol::kTcp ? packet.parsed.tcp_flags : uint8_t{0};
}

}  // namespace

const FlowDecision& Pipeline::decide(const SuperPacket& packet, const Arrival& from) {
  const Parsed& p = packet.parsed;
  decided_ = {};
  if (p.is_icmp_error) return unremembered_ = decide_related(packet, from);
  const FlowKey key{tables_->at(from.vrf).domain, p.source,  p.destination, p.source_port,
                    p.destination_port,           p.protocol};
  FlowHit hit = flows_.find(key, flags_of(packet));
  if (!hit) {
    const FlowDecision decision = judge(packet, from, FlowDirection::kOriginal);
    // What is refused or answered here leaves nothing behind that a flood could fill the table
    // with.
    if (decision.verdict == FlowVerdict::kDrop || decision.adjacency.kind == AdjacencyKind::kRouter)
      return unremembered_ = decision;
    hit.flow = flows_.create(key, now_ms_);
    if (!hit)
      return unremembered_ = dropped(DropReason::kFlowTableFull, tables_->version, from.ingress);
    hit.flow->decision(hit.direction) = decision;
  } else if (!hit.flow->decision(hit.direction).holds(tables_->version, from.ingress)) {
    const FlowDecision decision = judge(packet, from, hit.direction);
    if (decision.verdict == FlowVerdict::kDrop) return unremembered_ = decision;
    hit.flow->decision(hit.direction) = decision;
    flows_.renumber(*hit.flow);
  }
  flows_.touch(hit, now_ms_, flags_of(packet), packet.wire_packets(), packet.length());
  decided_ = hit;
  return hit.flow->decision(hit.direction);
}

// Where a packet against one that goes `onward` would go: by the present tables, not by what the
// flow remembers, which names ports and tunnels of older tables or may have been decided for
// somebody who forged the flow's packets. What goes nowhere is answered from where it came in.
Adjacency Pipeline::way_back(const FlowEnds& ends, const Arrival& from,
                             const Adjacency& onward) const {
  VrfIndex vrf = from.vrf;
  TableKind table = from.table;
  if (onward.kind == AdjacencyKind::kPort) {
    vrf = tables_->at(onward.port()).vrf;
    table = TableKind::kVpc;
  } else if (onward.kind == AdjacencyKind::kTunnel && onward.has_label()) {
    table = TableKind::kVpc;
  } else if (onward.kind == AdjacencyKind::kTunnel) {
    vrf = tables_->at(onward.tunnel()).vrf;
    table = TableKind::kGateway;
  }
  return tables_->fib.lookup(vrf, table, ends.destination, ends.source);
}

FlowDecision Pipeline::judge(const SuperPacket& packet, const Arrival& from,
                             FlowDirection direction) {
  const Parsed& p = packet.parsed;
  const auto refuse = [&](DropReason reason) {
    return dropped(reason, tables_->version, from.ingress);
  };
  const Adjacency adjacency = tables_->fib.lookup(from.vrf, from.table, p.source, p.destination);
  const Adjacency back = way_back({p.source, p.destination}, from, adjacency);
  const bool is_from_there = leads_to(back, from.ingress);
  // A port's packets have the port's address; there the question is only whose answer this is.
  if (from.ingress.is_tunnel() && !is_from_there) {
    return refuse(back.kind == AdjacencyKind::kNone ? DropReason::kNoWayBack
                                                    : DropReason::kSpoofedSource);
  }
  const bool is_reply = direction == FlowDirection::kReply && is_from_there;

  // In the words of the packet that opened the flow: who sent it, who received it, and on which
  // port.
  const uint32_t sender = is_reply ? p.destination : p.source,
                 receiver = is_reply ? p.source : p.destination;
  const uint16_t receiver_port = is_reply ? p.source_port : p.destination_port;
  const auto accepts = [&](PortIndex port, RuleDirection rules, uint32_t peer) {
    return tables_->at(port).rules->evaluate(rules, p.protocol, receiver_port, peer) ==
           RuleVerdict::kAccept;
  };
  const RuleDirection rules_of_ingress =
      is_reply ? RuleDirection::kIngress : RuleDirection::kEgress;
  if (from.ingress.is_port() &&
      !accepts(from.ingress.port(), rules_of_ingress, is_reply ? sender : receiver)) {
    return refuse(is_reply ? DropReason::kSecurityGroupIngress : DropReason::kSecurityGroupEgress);
  }

  switch (adjacency.kind) {
    case AdjacencyKind::kNone:
      return refuse(DropReason::kNoRoute);
    case AdjacencyKind::kUnreachable:
      return refuse(DropReason::kHostUnreachable);
    case AdjacencyKind::kRouter:
      break;
    case AdjacencyKind::kTunnel:
      if (leads_to(adjacency, from.ingress)) return refuse(DropReason::kLooping);
      break;
    case AdjacencyKind::kPort: {
      const RuleDirection rules = is_reply ? RuleDirection::kEgress : RuleDirection::kIngress;
      if (!accepts(adjacency.port(), rules, is_reply ? receiver : sender)) {
        return refuse(is_reply ? DropReason::kSecurityGroupEgress
                               : DropReason::kSecurityGroupIngress);
      }
    }
  }
  return {.adjacency = adjacency,
          .version = tables_->version,
          .ingress = from.ingress,
          .verdict = FlowVerdict::kForward,
          .reason = {}};
}

// An ICMP error passes with the flow it is about, when it comes from where that flow's packets
// went and goes to who sent them, for no security group looks at it. Its source may be any router
// on the way (RFC 5508 §4.3), but none that stands here, for those send no errors through tunnels.
FlowDecision Pipeline::decide_related(const SuperPacket& error, const Arrival& from) {
  const auto refuse = [&](DropReason reason) {
    return dropped(reason, tables_->version, from.ingress);
  };
  const auto quoted = read_quote(error);
  if (!quoted || quoted->source != error.parsed.destination)
    return refuse(DropReason::kNoFlowForPacket);
  const FlowKey about{tables_->at(from.vrf).domain, quoted->source,           quoted->destination,
                      quoted->source_port,          quoted->destination_port, quoted->protocol};
  const FlowHit hit = flows_.find(about);
  if (!hit) return refuse(DropReason::kNoFlowForPacket);
  const FlowDecision& provoked = hit.flow->decision(hit.direction);
  if (provoked.verdict != FlowVerdict::kForward || provoked.version != tables_->version ||
      !leads_to(provoked.adjacency, from.ingress)) {
    return refuse(DropReason::kNoFlowForPacket);
  }
  const Adjacency adjacency =
      tables_->fib.lookup(from.vrf, from.table, error.parsed.source, error.parsed.destination);
  const FlowEnds ends{error.parsed.source, error.parsed.destination};
  if (from.ingress.is_tunnel() &&
      is_here(way_back(ends, from, adjacency), tables_->at(from.ingress.tunnel()).is_link)) {
    return refuse(DropReason::kSpoofedSource);
  }
  switch (adjacency.kind) {
    case AdjacencyKind::kNone:
      return refuse(DropReason::kNoRoute);
    case AdjacencyKind::kUnreachable:
      return refuse(DropReason::kHostUnreachable);
    case AdjacencyKind::kTunnel:
      if (leads_to(adjacency, from.ingress)) return refuse(DropReason::kLooping);
      break;
    default:
      break;
  }
  return {.adjacency = adjacency,
          .version = tables_->version,
          .ingress = from.ingress,
          .verdict = FlowVerdict::kForward,
          .reason = {}};
}

}  // namespace farspan::dataplane
