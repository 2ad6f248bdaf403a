// SPDX-License-Identifier: Apache-2.0
// Rows: the parts of a compilation, each filling its own tables of the nodes' states.
//
// Internal to compiler/.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "farspan/compiler/placement.h"
#include "farspan/compiler/rib.h"

namespace farspan::compiler {

using States = std::map<std::string, nodestate::NodeState>;  // by node name

/// Which node sends which one packets, and with which labels.
using LinkedNodes =
    std::map<std::pair<const model::Node*, const model::Node*>, std::set<nodestate::Label>>;

void add_vrfs(const Placement& placement, States& states);                              // vrfs.cpp
void add_ports(const model::Model& model, const Placement& placement, States& states);  // ports.cpp
/// Groups of the ports that add_ports() has placed.
void add_security_groups(const model::Model& model, States& states);  // security_groups.cpp
void add_office_tunnels(const model::Model& model, const Placement& placement,
                        States& states);  // office_tunnels.cpp
/// Names the feasible sources of the tunnels that add_office_tunnels() has made, too. Returns which
/// nodes must be linked for the routes to work.
LinkedNodes add_routes(const Placement& placement, const std::map<std::string, Rib>& ribs,
                       States& states);                    // route_rows.cpp
void add_links(const LinkedNodes& links, States& states);  // links.cpp

}  // namespace farspan::compiler
