// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <tuple>

#include "farspan/compiler/network.h"

namespace farspan::compiler {
namespace {

void put_in_order(std::vector<CandidateRoute>& routes) {
  const auto order_of = [](const CandidateRoute& route) {
    return std::tuple(route.destination.address(), route.destination.length(), route.state,
                      route.source);
  };
  std::stable_sort(routes.begin(), routes.end(),
                   [&](const auto& a, const auto& b) { return order_of(a) < order_of(b); });
}

// The destinations of any candidate above `after`, in order: as far as a page of `limit` routes may
// reach, and one more when there is one.
std::vector<net::Prefix> destinations_after(const Network& network, const VpcPiece& piece,
                                            const std::optional<net::Prefix>& after, size_t limit) {
  std::vector<net::Prefix> destinations;
  const auto add_from = [&](const VpcPiece& from, bool is_own) {
    size_t count = 0;
    auto route = from.own.begin();
    if (after) route = from.after(*after);
    for (; route != from.own.end() && count <= limit; ++route) {
      if (!is_own && !route->is_announced()) continue;
      destinations.push_back(route->candidate.destination);
      ++count;
    }
  };
  add_from(piece, true);
  for (const VpcPiece* other : network.pieces.cen_of(piece))
    if (other != &piece) add_from(*other, false);
  std::sort(destinations.begin(), destinations.end());
  destinations.erase(std::unique(destinations.begin(), destinations.end()), destinations.end());
  return destinations;
}

}  // namespace

RoutePage explain_routes(const Network& network, const std::string& vpc,
                         const std::optional<net::Prefix>& after, size_t limit) {
  RoutePage page;
  const VpcPiece* piece = network.pieces.find(vpc);
  if (piece == nullptr) return page;
  for (const net::Prefix& destination : destinations_after(network, *piece, after, limit)) {
    const auto routes = explain_routes(network, vpc, destination);
    page.has_more = !page.routes.empty() && page.routes.size() + routes.size() > limit;
    if (page.has_more) break;
    page.routes.insert(page.routes.end(), routes.begin(), routes.end());
  }
  return page;
}

std::vector<CandidateRoute> explain_routes(const Network& network, const std::string& vpc) {
  return explain_routes(network, vpc, std::nullopt, std::numeric_limits<size_t>::max()).routes;
}

std::vector<CandidateRoute> explain_routes(const Network& network, const std::string& vpc,
                                           const net::Prefix& destination) {
  std::vector<CandidateRoute> routes;
  const VpcPiece* piece = network.pieces.find(vpc);
  if (piece == nullptr) return routes;
  for (const RibRoute& route : piece->to(destination)) routes.push_back(route.candidate);
  for (CandidateRoute& route : explain_learned(network.pieces, *piece, destination))
    routes.push_back(std::move(route));
  put_in_order(routes);
  return routes;
}

}  // namespace farspan::compiler
