// SPDX-License-Identifier: Apache-2.0
#include "farspan/compiler/compile.h"

#include "farspan/compiler/network.h"

namespace farspan::compiler {

std::map<std::string, nodestate::NodeState> compile(const model::Model& model) {
  std::map<std::string, nodestate::NodeState> states;
  for (const auto& [node, state] : make_network(model).states) states.emplace(node, *state);
  return states;
}

std::vector<CandidateRoute> explain_routes(const model::Model& model, const std::string& vpc) {
  return explain_routes(make_network(model), vpc);
}

Reachability reach(const model::Model& model, const net::Address& from, const net::Address& to,
                   const Probe& probe) {
  return reach(make_network(model), from, to, probe);
}

}  // namespace farspan::compiler
