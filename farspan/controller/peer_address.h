// SPDX-License-Identifier: Apache-2.0
// Peer: the other end of a TCP connection, as the kernel and as gRPC name it. Inside this folder
// only. Pure, but for listen_on().
#pragma once

#include <sys/socket.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"
#include "farspan/net/address.h"

namespace farspan::controller {

struct Peer {
  net::Address address;  // IPv4 also on a socket of both families
  uint16_t port = 0;
  auto operator<=>(const Peer&) const = default;
};

Peer peer_of(const sockaddr_storage& address);
/// "ipv4:192.0.2.1:5000", "ipv6:%5B2001:db8::1%5D:5000"; nothing when it is neither.
std::optional<Peer> peer_of(const std::string& grpc_words);

/// A listening socket at "192.0.2.1:7443" or "[::]:7443" (both families), non-blocking.
/// kUnavailable when the address is not this machine's or the port is taken.
Result<UniqueFd> listen_on(const std::string& host_and_port);

}  // namespace farspan::controller
