// SPDX-License-Identifier: Apache-2.0
// answers: what the node says itself: echo replies and ICMP errors, from the VRF's router address.
// A VRF without one, which has no vSwitch, reports from the IPv4 dummy address (RFC 7600 §4.8), as
// a router without an address does.
//
// An answer goes back to where the packet came from by the same tables, without a flow and past the
// security groups: it belongs to what the instance or office itself sent.
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/packet/rewrite.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {
constexpr uint32_t kDummyAddress = 0xC0000008;  // 192.0.0.8
}

void Pipeline::answer_as_router(SuperPacket& packet, const Arrival& from) {
  if (!is_echo_request(packet)) {
    if (packet.parsed.protocol == net::protocol::kUdp)
      report(packet, from, IcmpError::kPortUnreachable);
    return end(packet, DropReason::kNotForUs);
  }
  counters_.add(Counter::kConsumed);
  make_echo_reply(packet);
  counters_.add(Counter::kAnswered);
  originate(packet, from);
}

bool Pipeline::has_tokens_for(const SuperPacket& about, const Arrival& from) {
  if (from.ingress.is_tunnel() && tables_->at(from.ingress.tunnel()).is_link)
    return icmp_limit_.take_of_link(from.ingress, from.vrf, about.parsed.source, now_);
  return icmp_limit_.take(from.ingress, now_);
}

void Pipeline::report(const SuperPacket& about, const Arrival& from, IcmpError error,
                      uint32_t mtu) {
  if (from.is_own || !may_report(about) || !has_tokens_for(about, from)) return;
  const uint32_t own = tables_->at(from.vrf).router, router = own != 0 ? own : kDummyAddress;
  io::Buffer buffer = pool_.take_small();
  if (!buffer) return;  // nobody waits for an error as he does for a packet
  const std::span<uint8_t, kMaxIcmpError> bytes(buffer.room(), kMaxIcmpError);
  const uint32_t length = write_icmp_error(
      about, error, router, static_cast<uint16_t>(std::min(mtu, SuperPacket::kMaxLength)), bytes);
  if (parse(bytes.first(length), originated_))
    return;  // the router's own address cannot be reported from
  originated_.buffer = std::move(buffer);
  counters_.add(Counter::kAnswered);
  originate(originated_, from);
  originated_.release();
}

void Pipeline::originate(SuperPacket& packet, Arrival asked_by) {
  asked_by.is_own = true;
  if (asked_by.ingress.is_port()) return to_port(packet, asked_by.ingress.port(), asked_by);
  const Adjacency back = tables_->fib.lookup(asked_by.vrf, asked_by.table, packet.parsed.source,
                                             packet.parsed.destination);
  switch (back.kind) {
    case AdjacencyKind::kPort:
    case AdjacencyKind::kTunnel:
      return send(packet, back, asked_by, nullptr);
    case AdjacencyKind::kUnreachable:
      return end(packet, DropReason::kHostUnreachable);
    default:
      return end(packet, DropReason::kNoRoute);
  }
}

}  // namespace farspan::dataplane
