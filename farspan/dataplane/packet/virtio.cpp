// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/packet/virtio.h"

#include "farspan/dataplane/packet/pseudo_header.h"

namespace farspan::dataplane {

VirtioHeader virtio_header_of(const SuperPacket& packet, size_t link_header_length) {
  VirtioHeader virtio;
  const Parsed& parsed = packet.parsed;
  if (packet.checksum == Checksum::kValid) virtio.flags = VirtioHeader::kDataValid;
  if (packet.checksum != Checksum::kPartial) return virtio;

  virtio.flags = VirtioHeader::kNeedsChecksum;
  virtio.checksum_start = static_cast<uint16_t>(link_header_length + parsed.ip_header_length);
  virtio.checksum_offset = static_cast<uint16_t>(checksum_offset_of(parsed.protocol));
  if (packet.wire_packets() == 1) return virtio;

  const bool is_tcp = parsed.protocol == net::protocol::kTcp;
  virtio.gso_type = is_tcp ? VirtioHeader::kTcpV4 : VirtioHeader::kUdpL4;
  if (is_tcp && (parsed.tcp_flags & net::TcpHeader::kCwr)) {
    virtio.gso_type |= VirtioHeader::kEcn;  // CWR belongs to the first segment only
  }
  virtio.gso_size = packet.segment_size;
  virtio.header_length = static_cast<uint16_t>(link_header_length + packet.header_length);
  return virtio;
}

}  // namespace farspan::dataplane
