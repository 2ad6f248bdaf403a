// SPDX-License-Identifier: Apache-2.0
// from_port: frames of an instance become packets of its VRF, if they say the truth about their
// source.
#include "farspan/base/check.h"
#include "farspan/dataplane/packet/arp.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/pipeline/node_mac.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {

void Pipeline::from_port(PortIndex index, std::span<PortFrame> frames) {
  if (!FS_HOLDS(index.value() < tables_->ports.size())) {
    counters_.add(Counter::kFromPort, frames.size());
    return counters_.drop(DropReason::kBrokenInvariant, frames.size());
  }
  uint32_t count = 0;
  for (PortFrame& frame : frames) {
    if (!take_frame(index, frame, (*burst_)[count])) continue;
    if (++count == kBurst) forward_burst(std::exchange(count, 0));
  }
  forward_burst(count);
}

// False: it ended here.
bool Pipeline::take_frame(PortIndex index, PortFrame& received, Passage& passage) {
  const std::span<uint8_t> frame = received.landed.bytes;
  SuperPacket& packet = passage.packet;
  const PortEntry& port = tables_->at(index);
  const auto count_in = [&](uint32_t packets, uint32_t bytes) {
    counters_.add(Counter::kFromPort, packets);
    port.counters->packets_in.add(packets);
    port.counters->bytes_in.add(bytes);
  };
  const auto refuse = [&](DropReason reason) {
    count_in(1, static_cast<uint32_t>(frame.size()));
    counters_.drop(reason);
    received.landed.buffer.reset();
    return false;
  };
  if (!received.landed.buffer) return refuse(DropReason::kNoBuffer);
  if (frame.size() < sizeof(net::EthernetHeader)) return refuse(DropReason::kMalformedEthernet);
  const uint16_t type = net::header_at<net::EthernetHeader>(frame.data()).type.value();
  if (type == net::EthernetHeader::kArp) {
    count_in(1, static_cast<uint32_t>(frame.size()));
    answer_port_arp(port, frame);
    received.landed.buffer.reset();
    return false;
  }
  if (type != net::EthernetHeader::kIpv4) return refuse(DropReason::kUnsupportedEthertype);
  if (const auto reason =
          parse_from_port(frame, sizeof(net::EthernetHeader), received.virtio, packet))
    return refuse(*reason);
  packet.buffer = std::move(received.landed.buffer);

  count_in(packet.wire_packets(), packet.length());
  passage.from = {.ingress = Ingress::of(index), .vrf = port.vrf, .table = TableKind::kVpc};
  if (packet.parsed.source == port.address) return true;
  end(packet, DropReason::kSpoofedSource);
  return false;
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
