// SPDX-License-Identifier: Apache-2.0
// PathMtu: how large an IPv4 packet may be to reach a peer, as this kernel knows it.
//
// The kernel learns it from routes and from ICMP "fragmentation needed" about what our sockets sent
// (RFC 1191); a connected UDP socket tells (IP_MTU). It is connected again for every question,
// because a connected socket keeps the route it was given even after a smaller MTU was learnt.
//
// Threads: one owner. Sends nothing.
#pragma once

#include <cstdint>
#include <optional>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"

namespace farspan::io {

class PathMtu {
 public:
  static Result<PathMtu> open();

  /// The path MTU to `remote`, or nothing when there is no route. Host order.
  std::optional<uint32_t> to(uint32_t remote) const;

 private:
  explicit PathMtu(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace farspan::io
