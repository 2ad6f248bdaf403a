// SPDX-License-Identifier: Apache-2.0
// ResourceStatus: is a declared resource in force, and if not, why?
//
// In force means: every node whose state carries the resource is connected, says that it has its
// newest generation in force, and names no failure of this resource. What a node that is silent
// does is not known, so it counts as not in force, with that reason. A route of a Cen is carried by
// every node with a Vpc of that Cen.
//
// Threads: one; made for one answer.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "farspan/api/json.h"
#include "farspan/controller/controller.h"
#include "farspan/controller/node_reports.h"
#include "farspan/model/any_resource.h"

namespace farspan::api {

struct InForce {
  bool is_in_force = true;
  std::string reason;  // why not
  std::string remedy;
};

/// A status is old after this long: nodes report every second.
inline constexpr std::chrono::seconds kStatusLifetime{10};

class ResourceStatus {
 public:
  ResourceStatus(const controller::Published& now, const controller::NodeReports& reports,
                 controller::SteadyTime time)
      : now_(now), reports_(reports), time_(time) {}

  /// The "status" object of docs/api.md.
  Json of(const model::AnyResource& resource) const;

  /// Does `node` have its newest state in force? With `item` ("Instance app"): and that part of it?
  InForce on_node(const std::string& node, const std::string& item = {}) const;
  /// The report of `node`, the same one throughout the answer.
  const controller::NodeReport& report_of(const std::string& node) const;
  /// Nodes whose state carries the VRF of `vpc`.
  std::vector<std::string> nodes_with_vpc(const std::string& vpc) const;
  /// A node's word about one of its daemons, or null: it is silent, so that is not known.
  Json is_up(const controller::NodeReport& report, bool said) const;
  /// The newest report of a tunnel by a node that is not silent, or null.
  const controller::TunnelReport* tunnel(const std::string& node, uint32_t id) const;

 private:
  std::vector<std::string> nodes_with(const model::AnyResource& resource) const;
  InForce in_force(const model::AnyResource& resource) const;
  bool has_status(const controller::NodeReport& report) const;
  // What is known of a node, looked up once per answer.
  struct Seen {
    std::shared_ptr<const controller::NodeReport> report;
    InForce newest;  // has it the newest generation in force, whatever failed in it?
    std::unordered_map<uint32_t, const controller::TunnelReport*> tunnels;
  };
  const Seen& seen(const std::string& node) const;
  InForce newest_on(const std::string& node, const controller::NodeReport& report) const;
  const std::vector<std::string>& nodes_with_cen(const std::string& cen) const;
  InForce route_in_force(const model::AnyResource& resource) const;
  void add_faults(const std::string& label, Json& status) const;
  void add_node(const model::Node& node, Json& status) const;
  void add_connection(const model::IpsecConnection& connection, Json& status) const;

  const controller::Published& now_;
  const controller::NodeReports& reports_;
  const controller::SteadyTime time_;
  mutable std::map<std::string, Seen> seen_;                        // by node, as asked
  mutable std::map<std::string, std::vector<std::string>> by_cen_;  // nodes, as asked
};

/// Seconds since the node was last heard, or null: never.
Json seconds_since(const std::optional<controller::SteadyTime>& then, controller::SteadyTime now);
/// null, or the problem as an object.
Json problem_json(const std::optional<controller::TunnelProblem>& problem);
Json failures_json(const std::vector<controller::ItemFailure>& failures);
/// The problem of a tunnel that its node says nothing of.
controller::TunnelProblem silent_problem(const InForce& node);

}  // namespace farspan::api
