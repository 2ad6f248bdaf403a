// SPDX-License-Identifier: Apache-2.0
// VirtioHeader: what a TAP/TUN device says about a packet beside its bytes (IFF_VNET_HDR), in both
// directions.
//
// Declared here because <linux/virtio_net.h> has a field named `class`. Legacy layout, native byte
// order: what the kernel uses without TUNSETVNETLE/BE. The device's numbers count from the start of
// the frame, so everything here takes the length of the link header: 14 on TAP, 0 on TUN.
//
// Not here: believing what a device says (parse.h).
// Threads: values only.
// Standards: VIRTIO 1.2 §5.1.6.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "farspan/dataplane/packet/super_packet.h"

namespace farspan::dataplane {

struct VirtioHeader {
  static constexpr uint8_t kNeedsChecksum = 1, kDataValid = 2;                          // flags
  static constexpr uint8_t kNone = 0, kTcpV4 = 1, kTcpV6 = 4, kUdpL4 = 5, kEcn = 0x80;  // gso_type
  uint8_t flags = 0;
  uint8_t gso_type = kNone;
  uint16_t header_length = 0;  // a hint: the kernel gives the length of its linear part
  uint16_t gso_size = 0;
  uint16_t checksum_start = 0;
  uint16_t checksum_offset = 0;
};
static_assert(sizeof(VirtioHeader) == 10);

/// The ten bytes a device gives and takes.
inline VirtioHeader virtio_header_from(const std::array<uint8_t, 10>& bytes) {
  return std::bit_cast<VirtioHeader>(bytes);
}
inline std::array<uint8_t, 10> bytes_of(const VirtioHeader& header) {
  return std::bit_cast<std::array<uint8_t, 10>>(header);
}

/// What a device must be told when `packet` is written to it behind `link_header_length` bytes of
/// link header.
VirtioHeader virtio_header_of(const SuperPacket& packet, size_t link_header_length);

}  // namespace farspan::dataplane
