// SPDX-License-Identifier: Apache-2.0
#include "farspan/compiler/learned.h"

#include <algorithm>

namespace farspan::compiler {
namespace {

bool is_older(const VpcPiece* a, const VpcPiece* b) {
  return std::tie(a->site.vpc->meta.number, a->site.vpc->meta.name) <
         std::tie(b->site.vpc->meta.number, b->site.vpc->meta.name);
}

// Why `piece` can take no announcement of `destination` at all; empty when it can.
std::string own_conflict(const VpcPiece& piece, const net::Prefix& destination) {
  if (const model::VSwitch* around = piece.site.vswitch_around(destination)) {
    return (around->cidr == destination ? "equal to" : "more specific than") +
           std::string(" the local VSwitch ") + around->meta.name + " (" + around->cidr.text() +
           ")";
  }
  if (const RibRoute* equal = piece.plain_route(destination))
    return "a local route to " + equal->candidate.next_hop + " has the same destination";
  return {};
}

}  // namespace

bool can_learn(const VpcPiece& piece, const net::Prefix& destination) {
  return piece.site.vswitch_around(destination) == nullptr &&
         piece.plain_route(destination) == nullptr;
}

const VpcPiece* Pieces::find(const std::string& vpc) const {
  const auto found = by_vpc.find(vpc);
  return found == by_vpc.end() ? nullptr : found->second.get();
}

const std::vector<const VpcPiece*>& Pieces::cen_of(const VpcPiece& piece) const {
  static const std::vector<const VpcPiece*> kNone;
  const auto found = by_cen.find(piece.site.cen);
  return piece.site.cen.empty() || found == by_cen.end() ? kNone : found->second;
}

void Pieces::replace(const std::string& vpc, const Piece& standing, Piece piece) {
  if (standing != nullptr && !standing->site.cen.empty()) {
    auto members = by_cen.find(standing->site.cen);
    std::erase(members->second, standing.get());
    if (members->second.empty()) by_cen.erase(members);
  }
  if (piece == nullptr) {
    by_vpc.erase(vpc);
    return;
  }
  if (!piece->site.cen.empty()) {
    auto& members = by_cen[piece->site.cen];
    members.insert(std::upper_bound(members.begin(), members.end(), piece.get(), is_older),
                   piece.get());
  }
  by_vpc[vpc] = std::move(piece);
}

const RibRoute* learned(const Pieces& pieces, const VpcPiece& piece,
                        const net::Prefix& destination) {
  if (!can_learn(piece, destination)) return nullptr;
  for (const VpcPiece* other : pieces.cen_of(piece)) {
    if (other == &piece) continue;
    if (const RibRoute* route = other->announced(destination)) return route;
  }
  return nullptr;
}

const Announced& AnnouncedByCen::around(const VpcPiece& piece) {
  const auto [made, is_new] = made_.try_emplace(piece.site.cen);
  if (!is_new) return made->second;
  Announced& announced = made->second;
  for (const VpcPiece* member : pieces_.cen_of(piece))
    for (const RibRoute& route : member->own)
      if (route.is_announced()) announced.push_back(&route);
  const auto destination = [](const RibRoute* route) -> const net::Prefix& {
    return route->candidate.destination;
  };
  std::stable_sort(announced.begin(), announced.end(),
                   [&](const auto* a, const auto* b) { return destination(a) < destination(b); });
  const auto kept =
      std::unique(announced.begin(), announced.end(),
                  [&](const auto* a, const auto* b) { return destination(a) == destination(b); });
  announced.erase(kept, announced.end());
  return announced;
}

std::vector<CandidateRoute> explain_learned(const Pieces& pieces, const VpcPiece& piece,
                                            const net::Prefix& destination) {
  std::vector<CandidateRoute> candidates;
  const std::string why = own_conflict(piece, destination);
  std::string first;  // who announced it first
  for (const VpcPiece* other : pieces.cen_of(piece)) {
    const RibRoute* route = other == &piece ? nullptr : other->announced(destination);
    if (route == nullptr) continue;
    CandidateRoute candidate = route->candidate;
    candidate.origin = RouteOrigin::kCen;
    candidate.next_hop = "Vpc " + other->site.vpc->meta.name;
    candidate.is_in_vpc = true;
    candidate.is_published_to_cen = false;
    if (!why.empty() || !first.empty()) {
      candidate.state = RouteState::kRejected;
      candidate.reason = why.empty() ? "Vpc " + first + " announced the same prefix first" : why;
    } else {
      first = other->site.vpc->meta.name;
      candidate.reason = "learned through Cen " + piece.site.cen + ": " +
                         (route->vswitch != nullptr ? "VSwitch " + route->vswitch->meta.name
                                                    : "published route to IpsecConnection " +
                                                          route->connection->meta.name);
    }
    candidates.push_back(std::move(candidate));
  }
  return candidates;
}

}  // namespace farspan::compiler
