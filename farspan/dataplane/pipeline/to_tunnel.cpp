// SPDX-License-Identifier: Apache-2.0
// to_tunnel: which SA, does it fit, and into the sender as wire packets.
//
// The MTU is the underlay's path MTU (path_mtu.cpp) less what the SA's suite, UDP and the label
// cost.
#include "farspan/dataplane/packet/ecn.h"
#include "farspan/dataplane/packet/fragment.h"
#include "farspan/dataplane/packet/mpls.h"
#include "farspan/dataplane/packet/mss_clamp.h"
#include "farspan/dataplane/packet/rewrite.h"
#include "farspan/dataplane/packet/segment.h"
#include "farspan/dataplane/pipeline/fragments.h"
#include "farspan/dataplane/pipeline/inner_flow.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

constexpr uint8_t kDscpMask = 0xFC;

uint8_t outer_tos_of(const SuperPacket& packet, const ipsec::OutboundSa& sa) {
  const uint8_t tos = outer_tos(packet.parsed.tos);
  return static_cast<uint8_t>((sa.copying().dscp_outward ? tos & kDscpMask : 0) |
                              (sa.copying().ecn ? tos & kEcnMask : 0));
}

}  // namespace

// The SA for `packet`, which `way` remembers; or null, and the packet is dropped. What is chosen is
// the same for all packets of a flow's direction: selectors look at nothing else, and the SAs are
// those of one version. An ICMP error, which has no flow of its own, from a router that no
// Child SA covers leaves from the destination of the packet it is about, which one does: what is
// outside the selectors the other end drops (RFC 4301 §5.2), and with it what its hosts must know.
ipsec::OutboundSa* Pipeline::select_sa(SuperPacket& packet, const Adjacency& adjacency,
                                       FlowWay* way) {
  ipsec::InnerFlow flow = inner_flow(packet);
  const uint32_t tunnel = tables_->at(adjacency.tunnel()).id.value();
  ipsec::SadView::Selection selection = sad_->select(tunnel, flow);
  using Answer = ipsec::SadView::Selection::Answer;
  if (selection.answer == Answer::kOutsideSelectors) {
    if (const auto beside = flow_beside(packet)) {
      flow = *beside;
      selection = sad_->select(tunnel, flow);
      if (selection.sa != nullptr) set_icmp_source(packet, flow.source);
    }
  }
  switch (selection.answer) {
    case Answer::kSa:
      if (way != nullptr) {
        way->sa = selection.sa;
        way->sas_version = sas_version_;
      }
      return selection.sa;
    case Answer::kAcquire:
      if (selection.trap->take_acquire(now_seconds_)) {
        events_({.kind = ipsec::SaEvent::Kind::kAcquire,
                 .tunnel = tunnel,
                 .reqid = selection.trap->reqid(),
                 .path = {},
                 .remote = {},
                 .flow = flow});
      }
      end(packet, DropReason::kNoSa);
      break;
    case Answer::kNoSa:
      end(packet, DropReason::kNoSa);
      break;
    case Answer::kOutsideSelectors:
      end(packet, DropReason::kOutsideSelectors);
  }
  return nullptr;
}

void Pipeline::to_tunnel(SuperPacket& packet, const Adjacency& adjacency, const Arrival& from,
                         FlowWay* way) {
  ipsec::OutboundSa* selected = way != nullptr ? way->sa_of(sas_version_) : nullptr;
  if (selected == nullptr) selected = select_sa(packet, adjacency, way);
  if (selected == nullptr) return;
  ipsec::OutboundSa& sa = *selected;
  const uint32_t mtu = tunnel_mtu(sa, adjacency.has_label());
  const TunnelEntry& tunnel = tables_->at(adjacency.tunnel());
  const Fit how = mtu < kSmallestMtu ? Fit::kTooBig : fit(packet, mtu);
  if (how == Fit::kTooBig) {
    report(packet, from, IcmpError::kFragmentationNeeded, mtu);
    return end(packet, DropReason::kFragmentationNeeded);
  }
  if (!lower_ttl(packet, from)) return end(packet, DropReason::kTtlExceeded);
  if ((packet.parsed.tcp_flags & net::TcpHeader::kSyn) != 0) clamp_mss(packet, mss_for_mtu(mtu));

  // DF as the sender has it (RFC 4301 §8.1), but between nodes, who know what arrives.
  const EspSender::Way out{.sa = &sa,
                           .tunnel = &tunnel,
                           .label = adjacency.label,
                           .tos = outer_tos_of(packet, sa),
                           .may_fragment = !tunnel.is_link && !packet.parsed.has_df};
  if (how == Fit::kFragment) {
    return for_each_fragment(packet, mtu, [&](const SuperPacket& fragment) {
      uint8_t* const to = sender_.place(out, fragment.length(), 1).inner;
      if (to != nullptr) std::memcpy(to, fragment.header, fragment.length());
    });
  }
  watch_sent(
      out, packet.header,
      packet.header_length + (packet.segment_size != 0
                                  ? std::min<uint32_t>(packet.segment_size, packet.payload_length)
                                  : packet.payload_length));
  if (packet.buffer && packet.segment_size == 0 && packet.is_contiguous() && sa.suite().is_aead()) {
    if (packet.checksum == Checksum::kPartial) complete_checksum(packet);
    return sender_.take(out, packet);
  }
  for (Segmenter segments(packet); segments.remaining() > 0;) {
    const auto [to, stride, count] = sender_.place(out, segments.next_length(), segments.alike());
    if (count == 0) return;
    segments.write(to, count, stride);
  }
}

}  // namespace farspan::dataplane
