// SPDX-License-Identifier: Apache-2.0
// Applier: makes the node equal to its NodeState, whatever is in force and whoever was restarted
// meanwhile.
//
// There is one routine, step(), for a new target, for retries and for reconciling: it compares what
// is wanted with what is known to be there and does what is missing, in this order (add what others
// need, change, remove):
//
//   1. devices of ports that need one           apply_ports    netlink, /dev/net/tun
//   2. one batch of tables, with descriptors    apply_tables   tables.sock: atomic,
//                                                              packets see all or nothing
//   3. connections                              apply_tunnels  VICI; SAs follow
//                                                              and find their tables
//   4. devices of ports that are gone           apply_ports
//
// A tunnel that goes away loses its routes in step 2, at once, and its SAs in step 3, when charon
// gets to it: what is withdrawn stops without waiting for IKE. Nothing waits for what failed: each
// failure is kept under its item and tried again on its own clock.
//
// Not here: the loop that calls step() (agent.h), what the controller is told (session.h).
// Threads: the node loop.
#pragma once

#include <optional>

#include "farspan/agent/apply_ports.h"
#include "farspan/agent/apply_tables.h"
#include "farspan/agent/apply_tunnels.h"
#include "farspan/nodestate/node_state.h"

namespace farspan::agent {

/// The newest generation that was applied, and each thing of it that is not in force. A generation
/// counts as applied once everything of it was tried: what failed must not keep the next one, which
/// may mend it, from coming.
struct InForce {
  uint64_t generation = 0;
  std::vector<ItemFailure> failures;
  bool operator==(const InForce&) const = default;
};

class Applier {
 public:
  static constexpr std::chrono::seconds kCharonPatience{3};

  /// All three outlive the applier.
  Applier(PortApplier& ports, TablesApplier& tables, TunnelApplier& tunnels)
      : ports_(ports), tables_(tables), tunnels_(tunnels) {}

  /// From now on `target` is wanted; does what can be done at once.
  InForce apply(nodestate::NodeState target, Clock::time_point now);

  /// Does what is due. Changes nothing when everything is in force.
  void step(Clock::time_point now);

  /// @param now  a charon that does not take up the tunnels for kCharonPatience is named
  InForce in_force(Clock::time_point now) const;
  /// When step() has something to do; Clock::time_point::max() when nothing is missing.
  Clock::time_point next_step() const;

 private:
  PortApplier& ports_;
  TablesApplier& tables_;
  TunnelApplier& tunnels_;
  std::optional<nodestate::NodeState> target_;
  Clock::time_point target_since_;
};

}  // namespace farspan::agent
