// SPDX-License-Identifier: Apache-2.0
// to_port: a super-packet becomes one frame, and one write, whatever its length; but for datagrams
// that go to a device without USO (kernels before 6.2).
#include "farspan/dataplane/packet/fragment.h"
#include "farspan/dataplane/pipeline/fragments.h"
#include "farspan/dataplane/pipeline/node_mac.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/net/headers.h"

namespace farspan::dataplane {
namespace {

/// What stands in front of the IPv4 header in one write.
struct FramePrefix {
  VirtioHeader virtio;
  net::EthernetHeader ethernet;
};
static_assert(sizeof(FramePrefix) == 24);

}  // namespace

void Pipeline::to_port(SuperPacket& packet, PortIndex index, const Arrival& from) {
  const PortEntry& port = tables_->at(index);
  if (!port.tap) return end(packet, DropReason::kPortDown);
  switch (fit(packet, port.mtu)) {
    case Fit::kFits:
      if (!lower_ttl(packet, from)) return end(packet, DropReason::kTtlExceeded);
      if (takes_whole(packet, index)) return write_frame(packet, port);
      return for_each_segment(packet, [&](SuperPacket& segment) { write_frame(segment, port); });
    case Fit::kTooBig:
      report(packet, from, IcmpError::kFragmentationNeeded, port.mtu);
      return end(packet, DropReason::kFragmentationNeeded);
    case Fit::kFragment:
      if (!lower_ttl(packet, from)) return end(packet, DropReason::kTtlExceeded);
      return for_each_fragment(packet, port.mtu,
                               [&](SuperPacket& fragment) { write_frame(fragment, port); });
  }
}

void Pipeline::set_uso(PortIndex port, bool has_uso) {
  if (port.value() >= lacks_uso_.size()) lacks_uso_.resize(port.value() + size_t{1});
  lacks_uso_[port.value()] = !has_uso;
}

bool Pipeline::takes_whole(const SuperPacket& packet, PortIndex port) const {
  return packet.segment_size == 0 || packet.parsed.protocol != net::protocol::kUdp ||
         port.value() >= lacks_uso_.size() || !lacks_uso_[port.value()];
}

void Pipeline::write_frame(SuperPacket& packet, const PortEntry& port) {
  FramePrefix prefix;
  prefix.virtio = virtio_header_of(packet, sizeof prefix.ethernet);
  std::copy(port.mac.begin(), port.mac.end(), prefix.ethernet.destination);
  std::copy(kNodeMac.bytes.begin(), kNodeMac.bytes.end(), prefix.ethernet.source);
  prefix.ethernet.type = net::EthernetHeader::kIpv4;

  std::array<iovec, 2 + SuperPacket::kMaxPieces> vectors;
  size_t count = 0;
  vectors[count++] = {&prefix, sizeof prefix};
  vectors[count++] = {packet.header, packet.header_length};
  for (uint32_t i = 0; i < packet.piece_count; ++i)
    vectors[count++] = {packet.pieces[i].bytes, packet.pieces[i].length};

  switch (outside_.write_port(port, {vectors.data(), count})) {
    case io::WriteVerdict::kWritten:
      counters_.add(Counter::kToPort, packet.wire_packets());
      port.counters->packets_out.add(packet.wire_packets());
      port.counters->bytes_out.add(packet.length());
      return;
    case io::WriteVerdict::kDead:
      outside_.port_died(port);
      return end(packet, DropReason::kPortDown);
    case io::WriteVerdict::kFull:
    case io::WriteVerdict::kRefused:
      return end(packet, DropReason::kPortFull);
  }
}

}  // namespace farspan::dataplane
