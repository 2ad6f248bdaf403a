// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "farspan/compiler/compile.h"
#include "farspan/compiler/rib.h"

namespace farspan::compiler {

std::vector<CandidateRoute> explain_routes(const model::Model& model, const std::string& vpc) {
  std::vector<CandidateRoute> routes;
  const Placement placement = place(model);
  if (placement.find(vpc) == nullptr) return routes;
  const auto ribs = make_ribs(placement);
  for (const RibRoute& route : ribs.at(vpc)) routes.push_back(route.candidate);
  std::stable_sort(routes.begin(), routes.end(),
                   [](const CandidateRoute& a, const CandidateRoute& b) {
                     const auto key = [](const CandidateRoute& route) {
                       return std::tuple(route.destination.address(), route.destination.length(),
                                         route.state, route.source);
                     };
                     return key(a) < key(b);
                   });
  return routes;
}

}  // namespace farspan::compiler
