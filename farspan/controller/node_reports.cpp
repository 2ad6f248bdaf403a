// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/node_reports.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace farspan::controller {

namespace {

constexpr std::chrono::seconds kSettled{5};

}  // namespace

NodeReports::SessionNumber NodeReports::connected(const std::string& node,
                                                  const std::string& version,
                                                  const std::string& from, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  Entry& entry = nodes_[node];
  auto report = std::make_shared<NodeReport>();
  if (entry.report != nullptr) report->two_machines = entry.report->two_machines;
  report->is_connected = true;
  report->version = version;
  report->heard_at = now;
  entry.report = std::move(report);
  entry.session = ++last_session_;
  entry.since = now;
  entry.machines.emplace(last_session_, from);
  return last_session_;
}

// Reports are shared with readers, so a change makes a new one; what it takes the place of is
// destroyed after the lock.
template <class Change>
void NodeReports::change(const std::string& node, SessionNumber session, SteadyTime now,
                         const Change& change) {
  std::shared_ptr<const NodeReport> before;
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  Entry& entry = found->second;
  if (entry.session != session) return note_two_machines(node, entry, session, now);
  auto report = std::make_shared<NodeReport>(*entry.report);
  change(*report);
  before = std::exchange(entry.report, std::move(report));
}

void NodeReports::note_two_machines(const std::string& node, Entry& entry, SessionNumber older,
                                    SteadyTime now) {
  const auto machine = entry.machines.find(older);
  if (machine == entry.machines.end() || now - entry.since < kSettled) return;
  auto report = std::make_shared<NodeReport>(*entry.report);
  if (!report->two_machines)
    spdlog::error(
        "node {}: two machines use its certificate, at {} and at {}: revoke it and enrol the right "
        "one again (farspan revoke {})",
        node, entry.machines[entry.session], machine->second, node);
  report->two_machines = TwoMachines{entry.machines[entry.session], machine->second, now};
  entry.report = std::move(report);
}

void NodeReports::disconnected(const std::string& node, SessionNumber session) {
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  found->second.machines.erase(session);
  if (found->second.session != session) return;
  if (!found->second.machines.empty()) {  // what an older session says counts again
    found->second.session = found->second.machines.rbegin()->first;
    return;
  }
  auto report = std::make_shared<NodeReport>(*found->second.report);
  report->is_connected = false;
  found->second.report = std::move(report);
}

void NodeReports::refused(const std::string& node, SessionNumber session) {
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || found->second.session != session) return;
  auto report = std::make_shared<NodeReport>(*found->second.report);
  ++report->refused_messages;
  found->second.report = std::move(report);
}

void NodeReports::in_force(const std::string& node, SessionNumber session, uint64_t generation,
                           std::vector<ItemFailure> failures, SteadyTime now) {
  change(node, session, now, [&](NodeReport& report) {
    report.generation_in_force = generation;
    report.failures = std::move(failures);
    report.heard_at = now;
  });
}

void NodeReports::status(const std::string& node, SessionNumber session, NodeStatus status,
                         SteadyTime now) {
  const auto shared = std::make_shared<const NodeStatus>(std::move(status));
  change(node, session, now, [&](NodeReport& report) {
    report.status = shared;
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
