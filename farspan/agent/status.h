// SPDX-License-Identifier: Apache-2.0
// status: NodeStatus, what this node tells the controller about its tunnels, packets and daemons.
//
// Two witnesses are merged: charon knows states, algorithms and problems; the data plane counted
// the packets. Where both know a number the data plane's is taken: it is the one that moved them,
// and charon's is older.
//
// Not here: what is in force (apply.h), when it is sent (agent.cpp).
// Threads: the node loop; status_of is a pure function.
#pragma once

#include "farspan/agent/apply_tables.h"
#include "farspan/agent/apply_tunnels.h"

namespace farspan::v1 {
class NodeStatus;
class Counters;
class Sas;
}  // namespace farspan::v1

namespace farspan::agent {

/// @param counters,sas  the data plane's; empty when it is down
v1::NodeStatus status_of(const TunnelReport& tunnels, const v1::Counters& counters,
                         const v1::Sas& sas, bool is_dataplane_up);

/// The same with what the data plane answers now.
v1::NodeStatus ask_status(TablesApplier& tables, const TunnelReport& tunnels,
                          Clock::time_point now);

}  // namespace farspan::agent
