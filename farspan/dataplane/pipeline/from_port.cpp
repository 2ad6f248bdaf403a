// SPDX-License-Identifier: Apache-2.0
// from_port: a frame of an instance becomes a packet of its VRF, if it says the truth about its
// source.
#include "farspan/base/check.h"
#include "farspan/dataplane/packet/arp.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/pipeline/node_mac.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {

void Pipeline::from_port(PortIndex index, const VirtioHeader& virtio, std::span<uint8_t> frame) {
  if (!FS_HOLDS(index.value() < tables_->ports.size())) {
    counters_.add(Counter::kFromPort);
    return counters_.drop(DropReason::kBrokenInvariant);
  }
  if (take_shortcut(index, virtio, frame)) return;
  const PortEntry& port = tables_->at(index);
  const auto count_in = [&](uint32_t packets, uint32_t bytes) {
    counters_.add(Counter::kFromPort, packets);
    port.counters->packets_in.add(packets);
    port.counters->bytes_in.add(bytes);
  };
  const auto refuse = [&](DropReason reason) {
    count_in(1, static_cast<uint32_t>(frame.size()));
    counters_.drop(reason);
  };
  if (frame.size() < sizeof(net::EthernetHeader)) return refuse(DropReason::kMalformedEthernet);
  const uint16_t type = net::header_at<net::EthernetHeader>(frame.data()).type.value();
  if (type == net::EthernetHeader::kArp) {
    count_in(1, static_cast<uint32_t>(frame.size()));
    return answer_port_arp(port, frame);
  }
  if (type != net::EthernetHeader::kIpv4) return refuse(DropReason::kUnsupportedEthertype);
  if (const auto reason = parse_from_port(frame, sizeof(net::EthernetHeader), virtio, single_))
    return refuse(*reason);
  single_.can_wait = true;

  count_in(single_.wire_packets(), single_.length());
  if (single_.parsed.source != port.address) return drop(single_, DropReason::kSpoofedSource);
  forward(single_,
          Arrival{.ingress = Ingress::of(index), .vrf = port.vrf, .table = TableKind::kVpc});
}

void Pipeline::answer_port_arp(const PortEntry& port, std::span<uint8_t> frame) {
  std::array<uint8_t, kArpFrame> reply;
  const ArpAnswer answer = answer_arp(frame, port.address, kNodeMac, reply);
  if (answer.drop) return counters_.drop(*answer.drop);
  counters_.add(Counter::kConsumed);
  if (!answer.has_reply) return;

  counters_.add(Counter::kAnswered);
  if (!port.tap) return counters_.drop(DropReason::kPortDown);
  VirtioHeader none;
  const std::array<iovec, 2> vectors = {{{&none, sizeof none}, {reply.data(), reply.size()}}};
  switch (outside_.write_port(port, vectors)) {
    case io::WriteVerdict::kWritten:
      counters_.add(Counter::kToPort);
      port.counters->packets_out.add(1);
      port.counters->bytes_out.add(reply.size());
      break;
    case io::WriteVerdict::kDead:
      outside_.port_died(port);
      counters_.drop(DropReason::kPortDown);
      break;
    default:
      counters_.drop(DropReason::kPortFull);
  }
}

}  // namespace farspan::dataplane
