// SPDX-License-Identifier: Apache-2.0
// Port I/O on a TAP device: Ethernet super-packets through its descriptor.
//
// With TSO and USO offloads on, the kernel hands over and takes up to 64 KiB of one flow per call,
// described by a virtio-net header. The device was opened by the agent (IFF_TAP | IFF_NO_PI |
// IFF_VNET_HDR); its other end is an instance's interface.
//
// Not here: what the virtio header means (dataplane/packet/). Threads: one owner. Never allocates.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <span>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"
#include "farspan/io/landing.h"

namespace farspan::io {

using VirtioBytes = std::array<uint8_t, 10>;  // struct virtio_net_hdr, little-endian fields

enum class ReadVerdict : uint8_t { kFrame, kDrained, kDead };
enum class WriteVerdict : uint8_t { kWritten, kFull, kDead, kRefused };

struct TapOffloads {
  bool has_uso = false;  // takes and gives UDP super-packets; kernels before 6.2 do not
};

/// Switches the TAP device behind `fd` to non-blocking super-packets (TUNSETOFFLOAD CSUM, TSO4,
/// TSO_ECN, USO4). kInvalid when it is not a TAP device with a virtio header; kernels before 6.2 go
/// without USO.
Result<TapOffloads> prepare_tap(int fd);

/// Reads one frame by `landing`; `frame` becomes what came behind the virtio header. If the landing
/// is not prepared the frame is lost, and `frame` without a buffer.
/// kDead: the device was deleted, or its descriptor lost it.
ReadVerdict read_tap(int fd, VirtioBytes& virtio, Landing& landing, Landed& frame);

/// Writes one frame in one call; the first vector is the virtio header.
/// kRefused: the kernel found the frame or its virtio header wrong.
WriteVerdict write_tap(int fd, std::span<const iovec> vectors);

}  // namespace farspan::io
