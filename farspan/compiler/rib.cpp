// SPDX-License-Identifier: Apache-2.0
#include "farspan/compiler/rib.h"

#include <algorithm>

namespace farspan::compiler {
namespace {

struct ByDestination {
  bool operator()(const RibRoute& a, const RibRoute& b) const {
    return a.candidate.destination < b.candidate.destination;
  }
  bool operator()(const RibRoute& a, const net::Prefix& b) const {
    return a.candidate.destination < b;
  }
  bool operator()(const net::Prefix& a, const RibRoute& b) const {
    return a < b.candidate.destination;
  }
};

}  // namespace

std::vector<net::Prefix> VpcPiece::standby_of(const model::IpsecConnection& connection) const {
  const auto found = standby.find(&connection);
  return found == standby.end() ? std::vector<net::Prefix>() : found->second;
}

std::span<const RibRoute> VpcPiece::to(const net::Prefix& destination) const {
  const auto [first, last] = std::equal_range(own.begin(), own.end(), destination, ByDestination());
  return {first, last};
}

Rib::const_iterator VpcPiece::after(const net::Prefix& destination) const {
  return std::upper_bound(own.begin(), own.end(), destination, ByDestination());
}

const RibRoute* VpcPiece::plain_route(const net::Prefix& destination) const {
  for (const RibRoute& route : to(destination))
    if (route.is_active() && !route.candidate.source) return &route;
  return nullptr;
}

const RibRoute* VpcPiece::announced(const net::Prefix& destination) const {
  for (const RibRoute& route : to(destination))
    if (route.is_announced()) return &route;
  return nullptr;
}

Piece make_piece(VpcSite site) {
  auto piece = std::make_shared<VpcPiece>();
  piece->site = std::move(site);
  add_vpc_routes(piece->site, piece->own);
  add_vpn_routes(piece->site, piece->own);
  std::stable_sort(piece->own.begin(), piece->own.end(), ByDestination());
  for (const RibRoute& route : piece->own)
    if (route.is_standby) piece->standby[route.connection].push_back(route.candidate.destination);
  return piece;
}

}  // namespace farspan::compiler
