// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/path_mtu.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "farspan/io/socket_option.h"

namespace farspan::io {

Result<PathMtu> PathMtu::open() {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() || !set_option(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)) {
    return Error{ErrorCode::kUnavailable, "path MTU socket", "", std::strerror(errno), ""};
  }
  return PathMtu(std::move(fd));
}

std::optional<uint32_t> PathMtu::to(uint32_t remote) const {
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(4500);
  peer.sin_addr.s_addr = htonl(remote);
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0)
    return std::nullopt;
  int mtu = 0;
  socklen_t length = sizeof mtu;
  if (::getsockopt(fd_.get(), IPPROTO_IP, IP_MTU, &mtu, &length) != 0 || mtu < 68)
    return std::nullopt;
  return static_cast<uint32_t>(mtu);
}

}  // namespace farspan::io
