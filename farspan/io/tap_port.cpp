// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/tap_port.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <string>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace farspan::io {

Result<TapOffloads> prepare_tap(int fd) {
  const auto refused = [](const std::string& what) {
    return Error{ErrorCode::kInvalid, "TAP descriptor", "", what + ": " + std::strerror(errno),
                 "open it with IFF_TAP | IFF_NO_PI | IFF_VNET_HDR"};
  };
  ifreq device{};
  if (::ioctl(fd, TUNGETIFF, &device) != 0) return refused("not a TAP device");
  const int flags = device.ifr_flags & 0xFFFF;
  if ((flags & IFF_TAP) == 0 || (flags & IFF_NO_PI) == 0 || (flags & IFF_VNET_HDR) == 0) {
    errno = EINVAL;
    return refused("a TAP device with other flags");
  }
  int header_length = sizeof(VirtioBytes);
  if (::ioctl(fd, TUNSETVNETHDRSZ, &header_length) != 0)
    return refused("no virtio header of 10 bytes");
  const unsigned long basic = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN;
  TapOffloads offloads{.has_uso = ::ioctl(fd, TUNSETOFFLOAD, basic | TUN_F_USO4 | TUN_F_USO6) == 0};
  if (!offloads.has_uso && ::ioctl(fd, TUNSETOFFLOAD, basic) != 0)
    return refused("no segmentation offload");
  const int status = ::fcntl(fd, F_GETFL);
  if (status < 0 || ::fcntl(fd, F_SETFL, status | O_NONBLOCK) != 0)
    return refused("not switchable to non-blocking");
  return offloads;
}

ReadVerdict read_tap(int fd, VirtioBytes& virtio, Landing& landing, Landed& frame) {
  const auto room = landing.vectors();
  const std::array<iovec, 3> vectors = {{{virtio.data(), virtio.size()}, room[0], room[1]}};
  for (;;) {
    const ssize_t count = ::readv(fd, vectors.data(), static_cast<int>(vectors.size()));
    if (count >= static_cast<ssize_t>(virtio.size())) {
      frame = landing.take(static_cast<uint32_t>(count) - static_cast<uint32_t>(virtio.size()));
      return ReadVerdict::kFrame;
    }
    if (count >= 0) return ReadVerdict::kDrained;
    if (errno == EINTR) continue;
    return errno == EAGAIN ? ReadVerdict::kDrained : ReadVerdict::kDead;
  }
}

WriteVerdict write_tap(int fd, std::span<const iovec> vectors) {
  for (;;) {
    if (::writev(fd, vectors.data(), static_cast<int>(vectors.size())) >= 0)
      return WriteVerdict::kWritten;
    switch (errno) {
      case EINTR:
        continue;
      case EAGAIN:
      case ENOBUFS:
      case ENOMEM:
        return WriteVerdict::kFull;
      case EBADFD:
      case EBADF:
      case ENODEV:
        return WriteVerdict::kDead;
      case EIO:  // the instance's interface is down
        return WriteVerdict::kFull;
      default:
        return WriteVerdict::kRefused;
    }
  }
}

}  // namespace farspan::io
