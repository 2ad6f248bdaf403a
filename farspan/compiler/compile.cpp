// SPDX-License-Identifier: Apache-2.0
#include "farspan/compiler/compile.h"

#include "farspan/compiler/rows.h"

namespace farspan::compiler {

std::map<std::string, nodestate::NodeState> compile(const model::Model& model) {
  States states;
  for (const auto& [name, node] : model.all<model::Node>()) states[name].node = name;

  const Placement placement = place(model);
  add_vrfs(placement, states);
  add_ports(model, placement, states);
  add_security_groups(model, states);
  add_office_tunnels(model, placement, states);
  const LinkedNodes links = add_routes(placement, make_ribs(placement), states);
  add_links(links, states);
  return states;
}

}  // namespace farspan::compiler
