// SPDX-License-Identifier: Apache-2.0
// black_hole: shows the TCP of offices' tunnels to who looks for black holes, and does what he
// finds.
#include "farspan/dataplane/path/black_hole.h"

#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

using net::Ipv4Header;
using net::TcpHeader;

BlackHole::Flow flow_of(const Ipv4Header& ip, const TcpHeader& tcp) {
  return {ip.source.value(), ip.destination.value(), tcp.source_port.value(),
          tcp.destination_port.value()};
}

}  // namespace

// A wire packet of `length` bytes that leaves by a tunnel to an office, or the first of a train.
void Pipeline::watch_large(const EspSender::Way& way, const uint8_t* ip_bytes, uint32_t length) {
  const auto& ip = net::header_at<Ipv4Header>(ip_bytes);
  if (ip.protocol != net::protocol::kTcp) return;
  const auto& tcp = net::header_at<TcpHeader>(ip_bytes + ip.header_length());
  constexpr uint8_t kOpensOrEnds = TcpHeader::kSyn | TcpHeader::kRst;
  if ((tcp.flags & kOpensOrEnds) != 0 || (tcp.flags & TcpHeader::kAck) == 0) return;
  const ipsec::PathMtu& mtu = way.sa->mtu;
  const uint32_t outer_length = length + mtu.underlay_mtu - mtu.largest_inner;
  TunnelPath& path = *way.tunnel->path;
  const auto now_ms = static_cast<uint64_t>(now_ms_.count());
  act_on(path.black_hole().sent({flow_of(ip, tcp), tcp.sequence.value(), outer_length}, now_ms),
         path);
}

void Pipeline::watch_answer(const SuperPacket& packet, const Arrival& from) {
  if (!from.ingress.is_tunnel() || packet.parsed.protocol != net::protocol::kTcp) return;
  const TunnelEntry& tunnel = tables_->at(from.ingress.tunnel());
  if (tunnel.is_link || !tunnel.path->black_hole().is_watching()) return;
  const auto& tcp = net::header_at<TcpHeader>(packet.header + packet.parsed.ip_header_length);
  if ((tcp.flags & TcpHeader::kAck) == 0) return;
  const BlackHole::Flow answered{packet.parsed.destination, packet.parsed.source,
                                 packet.parsed.destination_port, packet.parsed.source_port};
  act_on(tunnel.path->black_hole().acknowledged(answered, tcp.acknowledgment.value()),
         *tunnel.path);
}

void Pipeline::act_on(BlackHole::Finding finding, TunnelPath& path) {
  bool is_news = false;
  switch (finding) {
    case BlackHole::Finding::kNothing:
      return;
    case BlackHole::Finding::kTry:
      is_news = path.lower(path.black_hole().mtu(), MtuOrigin::kBlackHole, now_seconds_);
      break;
    case BlackHole::Finding::kKeep:
      return path.keep(now_seconds_);
    case BlackHole::Finding::kGiveUp:
      is_news = path.forget(MtuOrigin::kBlackHole, now_seconds_);
      break;
  }
  if (is_news) ++path_epoch_;
}

}  // namespace farspan::dataplane
