// SPDX-License-Identifier: Apache-2.0
// decide: may this packet pass, and where does it go? Remembered per flow and direction.
//
// A decision holds for one ingress, and until the tables change in what it was made of
// (control/change_log.h). Then the flow is judged again, as its first packet was: by the security
// groups of the sender and the receiver of the original direction. A reply needs no rule of its
// own, but only when it comes from where the original packets go.
//
// Nobody speaks for somebody else: what comes by a tunnel passes only if the way back to its source
// leads there (RFC 2827 §3, strict: RFC 3704 §2.2), policy routes included, or to another office's
// for which this one may stand in (RFC 3704 §2.3); and a link carries only the labels it was given.
// It is asked when a flow begins or is judged again, and never of a decided flow's packets: they
// cannot be anything else.
#include "farspan/dataplane/packet/icmp_quote.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/pipeline/inner_flow.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/dataplane/pipeline/tcp_segment.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

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

TcpSegment segment_of(const SuperPacket& packet) {
  return tcp_segment_of(packet.header + packet.parsed.ip_header_length, packet.payload_length);
}

// Why no packet like this passes, whatever it belongs to.
std::optional<DropReason> refuse_kind(const Parsed& p) {
  if (p.protocol == net::protocol::kTcp && has_impossible_flags(p.tcp_flags))
    return DropReason::kTcpFlags;
  if (p.protocol == net::protocol::kIcmp && !is_forwarded_icmp(p.icmp_type))
    return DropReason::kIcmpType;
  return std::nullopt;
}

// An ICMP question is a flow to the "port" of its type, so that nothing but its answer finds it,
// and both ends may ask the same at a time (RFC 5508 §3).
FlowKey key_of(FlowDomain domain, const Parsed& p) {
  FlowKey key{domain, p.source, p.destination, p.source_port, p.destination_port, p.protocol};
  if (p.protocol != net::protocol::kIcmp) return key;
  if (const auto question = icmp_question_of(p.icmp_type)) {
    key.source_port = *question;
  } else {
    key.destination_port = p.icmp_type;
  }
  return key;
}

bool is_icmp_answer(const Parsed& p) {
  return p.protocol == net::protocol::kIcmp && icmp_question_of(p.icmp_type).has_value();
}

// A packet as far as a quote shows it.
Parsed parsed_of(const QuotedPacket& quoted) {
  Parsed p;
  p.source = quoted.source;
  p.destination = quoted.destination;
  p.source_port = quoted.source_port;
  p.destination_port = quoted.destination_port;
  p.protocol = quoted.protocol;
  p.icmp_type = quoted.icmp_type;
  return p;
}

}  // namespace

FlowQuery Pipeline::query_of(const Passage& passage) const {
  return flows_.query(key_of(tables_->at(passage.from.vrf).domain, passage.packet.parsed));
}

// 1. what fits nothing ends here; 2. the flow, and what was decided; 3. or a decision, and a flow
// that remembers it; 4. TCP: does the segment belong to the connection?
Pipeline::Decision Pipeline::decide(Passage& passage) {
  const SuperPacket& packet = passage.packet;
  const Arrival& from = passage.from;
  const Parsed& p = packet.parsed;
  if (const auto reason = refuse_kind(p)) return {reason, {}};
  if (p.is_icmp_error) return decide_related(packet, from);
  FlowHit hit = flows_.find(passage.query, flags_of(packet));
  bool is_decided_anew = false;
  if (!hit) {
    if (is_icmp_answer(p)) return {DropReason::kIcmpUnasked, {}};
    const Decision decision = judge(p, from, FlowDirection::kOriginal);
    // What is refused or answered here, or ends before it leaves, leaves nothing behind that a
    // flood could fill the table with.
    if (decision.drop || !is_worth_a_flow(packet, decision.adjacency)) return decision;
    hit.flow = flows_.create(passage.query, now_ms_, owner_of(packet, from));
    if (!hit) return {DropReason::kFlowTableFull, {}};
    hit.flow->way(hit.direction) = {decision.adjacency, tables_->version, from.ingress};
  } else if (!holds(hit, from.ingress)) {
    const Decision decision = judge(p, from, hit.direction);
    if (decision.drop) return decision;
    hit.flow->way(hit.direction) = {decision.adjacency, tables_->version, from.ingress};
    is_decided_anew = true;
  }
  if (p.protocol == net::protocol::kTcp) {
    if (const auto reason = flows_.follow(hit, segment_of(packet), is_decided_anew))
      return {reason, {}};
  }
  flows_.touch(hit, now_ms_, packet.wire_packets(), packet.length());
  FlowWay& way = hit.flow->way(hit.direction);
  return {std::nullopt, way.adjacency, &way};
}

// Whether what was decided about the flow's packets from there is what the present tables say; it
// is then as good as decided by them.
bool Pipeline::holds(const FlowHit& hit, Ingress from) const {
  FlowWay& way = hit.flow->way(hit.direction);
  if (way.holds(tables_->version, from)) return true;
  if (way.ingress != from || !tables_->still_hold(way, hit.flow->key(hit.direction))) return false;
  way.version = tables_->version;
  return true;
}

// Whether a packet that opens a flow gets as far as its way out. A RST opens nothing.
bool Pipeline::is_worth_a_flow(const SuperPacket& packet, const Adjacency& onward) const {
  if (packet.parsed.ttl <= 1 || (flags_of(packet) & net::TcpHeader::kRst) != 0) return false;
  if (onward.kind == AdjacencyKind::kPort) return tables_->at(onward.port()).tap != nullptr;
  if (onward.kind != AdjacencyKind::kTunnel) return false;
  const uint32_t tunnel = tables_->at(onward.tunnel()).id.value();
  return sad_->select(tunnel, inner_flow(packet)).answer == ipsec::SadView::Selection::Answer::kSa;
}

// Behind a link are many.
FlowOwner Pipeline::owner_of(const SuperPacket& packet, const Arrival& from) const {
  if (from.ingress.is_port()) return FlowOwner::of(tables_->at(from.ingress.port()).id);
  const TunnelEntry& tunnel = tables_->at(from.ingress.tunnel());
  if (!tunnel.is_link) return FlowOwner::of(tunnel.id);
  return FlowOwner::behind(tunnel.id, tables_->at(from.vrf).id, packet.parsed.source);
}

// Where packets come in that go against one that goes `onward`.
Arrival Pipeline::arrival_by(const Adjacency& onward, const Arrival& from) const {
  if (onward.kind == AdjacencyKind::kPort)
    return {Ingress::of(onward.port()), tables_->at(onward.port()).vrf, nullptr, TableKind::kVpc};
  if (onward.kind == AdjacencyKind::kTunnel && onward.has_label())
    return {Ingress::of(onward.tunnel()), from.vrf, nullptr, TableKind::kVpc};
  if (onward.kind == AdjacencyKind::kTunnel)
    return {Ingress::of(onward.tunnel()), tables_->at(onward.tunnel()).vrf, nullptr,
            TableKind::kGateway};
  return from;
}

// Where a packet against one that goes `onward` would go: by the present tables, not by what the
// flow remembers, which names ports and tunnels of older tables or may have been decided for
// somebody who forged the flow's packets. What goes nowhere is answered from where it came in.
Adjacency Pipeline::way_back(const FlowEnds& ends, const Arrival& from,
                             const Adjacency& onward) const {
  const Arrival there = arrival_by(onward, from);
  return tables_->fib.lookup(there.vrf, there.table, ends.destination, ends.source);
}

// Whether `back`, the way to `source`, leads to where its packet came from.
bool Pipeline::comes_from(const Adjacency& back, uint32_t source, const Arrival& from) const {
  if (leads_to(back, from.ingress)) return true;
  if (!from.ingress.is_tunnel() || back.kind != AdjacencyKind::kTunnel) return false;
  return !tables_->at(back.tunnel()).is_link &&
         tables_->at(from.ingress.tunnel()).bounds->has_source(source);
}

// Why nothing at all is taken from `from`.
std::optional<DropReason> Pipeline::refuse_vrf(const Arrival& from) const {
  if (!from.ingress.is_tunnel()) return std::nullopt;
  const TunnelEntry& tunnel = tables_->at(from.ingress.tunnel());
  if (!tunnel.is_link || tunnel.bounds->has_label(tables_->at(from.vrf).label)) return std::nullopt;
  return DropReason::kForeignLabel;
}

Pipeline::Decision Pipeline::judge(const Parsed& p, const Arrival& from,
                                   FlowDirection direction) const {
  const auto refuse = [](DropReason reason) { return Decision{reason, {}}; };
  if (const auto foreign = refuse_vrf(from)) return refuse(*foreign);
  const Adjacency adjacency = tables_->fib.lookup(from.vrf, from.table, p.source, p.destination);
  const Adjacency back = way_back({p.source, p.destination}, from, adjacency);
  const bool is_from_there = comes_from(back, p.source, from);
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
  return {std::nullopt, adjacency};
}

// An ICMP error passes with the flow it is about, when it comes from where that flow's packets
// went and goes to who sent them, for no security group looks at it. Its source may be any router
// on the way (RFC 5508 §4.3), but none that stands here, for those send no errors through tunnels.
Pipeline::Decision Pipeline::decide_related(const SuperPacket& error, const Arrival& from) {
  const auto refuse = [](DropReason reason) { return Decision{reason, {}}; };
  if (const auto foreign = refuse_vrf(from)) return refuse(*foreign);
  const auto quoted = read_quote(error);
  if (!quoted || quoted->source != error.parsed.destination)
    return refuse(DropReason::kNoFlowForPacket);
  const Parsed sent = parsed_of(*quoted);
  const FlowHit hit = flows_.find(key_of(tables_->at(from.vrf).domain, sent));
  if (!hit) return refuse(DropReason::kNoFlowForPacket);
  const FlowWay& way = hit.flow->way(hit.direction);
  if (way.version == TablesVersion{}) return refuse(DropReason::kNoFlowForPacket);
  Decision provoked{std::nullopt, way.adjacency};
  if (way.version != tables_->version) {
    // Tables changed since: decided as the flow's next packet would be, which may never come.
    const Adjacency to_sender =
        tables_->fib.lookup(from.vrf, from.table, sent.destination, sent.source);
    provoked = judge(sent, arrival_by(to_sender, from), hit.direction);
  }
  if (provoked.drop || !leads_to(provoked.adjacency, from.ingress))
    return refuse(DropReason::kNoFlowForPacket);
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
  return {std::nullopt, adjacency};
}

}  // namespace farspan::dataplane
