// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/apply.h"

#include <algorithm>
#include <iterator>

namespace farspan::agent {

InForce Applier::apply(nodestate::NodeState target, Clock::time_point now) {
  target_ = std::move(target);
  target_since_ = now;
  step(now);
  return in_force(now);
}

void Applier::step(Clock::time_point now) {
  if (!target_) return;
  tables_.connect(now);
  PortFds fds;
  if (tables_.is_connected()) fds = ports_.open(target_->ports, tables_.live_ports(), now);
  tables_.program(*target_, std::move(fds), now);
  tunnels_.want(target_->generation, target_->tunnels);
  // Only once the tables forgot a port may its device go: until then packets are read from it.
  if (tables_.generation() == target_->generation) ports_.remove_others(target_->ports, now);
}

InForce Applier::in_force(Clock::time_point now) const {
  InForce in_force;
  if (!target_) return in_force;
  const TunnelReport tunnels = tunnels_.report();
  in_force.generation = target_->generation;
  in_force.failures = tables_.failures();
  auto ports = ports_.failures();
  std::move(ports.begin(), ports.end(), std::back_inserter(in_force.failures));
  std::copy(tunnels.failures.begin(), tunnels.failures.end(),
            std::back_inserter(in_force.failures));
  if (tunnels.generation != target_->generation && now - target_since_ >= kCharonPatience) {
    in_force.failures.push_back(
        {"charon", "is still taking up the tunnels", "see that charon runs and is not overloaded"});
  }
  return in_force;
}

Clock::time_point Applier::next_step() const {
  if (!target_) return Clock::time_point::max();
  if (!tables_.is_connected()) return tables_.next_attempt();
  return std::min(tables_.next_attempt(), ports_.next_attempt());
}

}  // namespace farspan::agent
