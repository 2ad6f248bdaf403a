// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/node_reports.h"

namespace farspan::controller {

NodeReports::SessionNumber NodeReports::connected(const std::string& node,
                                                  const std::string& version, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  auto report = std::make_shared<NodeReport>();
  report->is_connected = true;
  report->version = version;
  report->heard_at = now;
  nodes_[node] = {++last_session_, std::move(report)};
  return last_session_;
}

// Reports are shared with readers, so a change makes a new one.
template <class Change>
void NodeReports::change(const std::string& node, SessionNumber session, const Change& change) {
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || found->second.session != session) return;
  auto report = std::make_shared<NodeReport>(*found->second.report);
  change(*report);
  found->second.report = std::move(report);
}

void NodeReports::disconnected(const std::string& node, SessionNumber session) {
  change(node, session, [](NodeReport& report) { report.is_connected = false; });
}

void NodeReports::in_force(const std::string& node, SessionNumber session, uint64_t generation,
                           std::vector<ItemFailure> failures, SteadyTime now) {
  change(node, session, [&](NodeReport& report) {
    report.generation_in_force = generation;
    report.failures = std::move(failures);
    report.heard_at = now;
  });
}

void NodeReports::status(const std::string& node, SessionNumber session, NodeStatus status,
                         SteadyTime now) {
  change(node, session, [&](NodeReport& report) {
    report.status = std::move(status);
    report.status_at = report.heard_at = now;
  });
}

void NodeReports::forget(const std::string& node, SessionNumber session) {
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(node);
  if (found != nodes_.end() && found->second.session == session) nodes_.erase(found);
}

std::shared_ptr<const NodeReport> NodeReports::of(const std::string& node) const {
  static const auto kNone = std::make_shared<const NodeReport>();
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? kNone : found->second.report;
}

}  // namespace farspan::controller
