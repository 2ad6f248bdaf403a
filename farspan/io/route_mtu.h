// SPDX-License-Identifier: Apache-2.0
// RouteMtu: how large an IPv4 packet may be to leave this node towards a peer, by its own routes
// and interfaces.
//
// Asked is the routing table itself (RTM_GETROUTE with RTM_F_FIB_MATCH), not a socket's IP_MTU:
// that one mixes in what ICMP messages said about the peer, and the kernel believes any that quotes
// two addresses and two ports. What routers on the way say is judged in dataplane/path, where SPIs
// and sequence numbers are known.
//
// The answer holds until a route, an address, a rule or an interface changes; fd() is readable
// then.
//
// Threads: one owner. Sends nothing to the network.
#pragma once

#include <cstdint>
#include <optional>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"

namespace farspan::io {

class RouteMtu {
 public:
  static Result<RouteMtu> open();

  /// The MTU of the route to `remote` (host order), or of the interface it names, at most 65535;
  /// of several next hops the smallest. Nothing when there is no route.
  std::optional<uint32_t> to(uint32_t remote) const;

  /// Readable when something changed that answers may depend on.
  int fd() const { return changes_.get(); }
  /// Takes what is there to read.
  void take_changes() const;

 private:
  RouteMtu(UniqueFd requests, UniqueFd changes)
      : requests_(std::move(requests)), changes_(std::move(changes)) {}
  UniqueFd requests_, changes_;
};

}  // namespace farspan::io
