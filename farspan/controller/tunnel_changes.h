// SPDX-License-Identifier: Apache-2.0
// Which tunnels does a change make, cut and make anew, or end, and why?
//
// The agent makes a tunnel anew when anything of what it negotiates changes (agent/tunnels). What
// else a row says cuts nothing: names, which are for people, and what may come in through it.
//
// Threads: none; pure.
#pragma once

#include <string>
#include <vector>

#include "farspan/documents/difference.h"
#include "farspan/nodestate/node_state.h"

namespace farspan::controller {

struct TunnelChange {
  enum class Action : uint8_t { kMake, kRebuild, kEnd };
  Action action = Action::kMake;
  std::string node;
  std::string tunnel;  // "IpsecConnection office-1", "Link to Node shanghai-node"
  /// Why it is rebuilt; no secret is in it.
  std::vector<documents::FieldChange> reasons;
  bool operator==(const TunnelChange&) const = default;
};

/// Of one node whose state becomes another one, by tunnel. Null: there is none.
std::vector<TunnelChange> tunnel_changes(const nodestate::NodeState* before,
                                         const nodestate::NodeState* after);

/// What of `before` a tunnel is cut for when it becomes `after`; empty when it is not cut.
std::vector<documents::FieldChange> reasons_to_rebuild(const nodestate::Tunnel& before,
                                                       const nodestate::Tunnel& after);

}  // namespace farspan::controller
