// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/resource_status.h"

#include <algorithm>
#include <set>

namespace farspan::api {
namespace {

using controller::NodeReport;
using nodestate::NodeState;

int64_t seconds_between(controller::SteadyTime from, controller::SteadyTime to) {
  return std::chrono::duration_cast<std::chrono::seconds>(to - from).count();
}

template <class Carries>
std::vector<std::string> nodes_where(const controller::NodeStates& states, const Carries& carries) {
  std::vector<std::string> nodes;
  for (const auto& [node, state] : states)
    if (carries(*state)) nodes.push_back(node);
  return nodes;
}

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

// Some failures are of the node as a whole: nothing it carries is in force while they last.
bool concerns(const std::string& failed, const std::string& item) {
  if (failed == item || failed == "dataplane") return true;
  return failed == "charon" &&
         (item.starts_with("IpsecConnection ") || item.starts_with("Link to Node "));
}

std::string vpc_of(const model::Model& model, const model::AnyResource& resource) {
  if (const auto* route = std::get_if<model::VpnRoute>(&resource)) {
    const auto* gateway = model.find<model::VpnGateway>(route->vpn_gateway);
    return gateway == nullptr ? std::string() : gateway->vpc;
  }
  if (const auto* route = std::get_if<model::CenRoute>(&resource)) return route->vpc;
  return {};
}

// @pre a VpnRoute or a CenRoute
net::Prefix destination_of(const model::AnyResource& resource) {
  const auto* route = std::get_if<model::VpnRoute>(&resource);
  return route != nullptr ? route->destination : std::get<model::CenRoute>(resource).destination;
}

bool is_route(const model::AnyResource& resource, const compiler::CandidateRoute& candidate) {
  if (const auto* route = std::get_if<model::VpnRoute>(&resource))
    return candidate.origin == compiler::RouteOrigin::kVpn &&
           candidate.destination == route->destination && candidate.source == route->source &&
           candidate.next_hop == "IpsecConnection " + route->ipsec_connection;
  const auto& route = std::get<model::CenRoute>(resource);
  return candidate.origin != compiler::RouteOrigin::kCen &&
         candidate.destination == route.destination;
}

}  // namespace

Json seconds_since(const std::optional<controller::SteadyTime>& then, controller::SteadyTime now) {
  return then ? Json(seconds_between(*then, now)) : Json();
}

Json problem_json(const std::optional<controller::TunnelProblem>& problem) {
  if (!problem) return nullptr;
  return {{"cause", problem->cause},
          {"words", problem->words},
          {"remedy", problem->remedy},
          {"seconds_ago", problem->seconds_ago}};
}

Json failures_json(const std::vector<controller::ItemFailure>& failures) {
  Json list = Json::array();
  for (const auto& failure : failures)
    list.push_back(
        {{"item", failure.item}, {"reason", failure.reason}, {"remedy", failure.remedy}});
  return list;
}

controller::TunnelProblem silent_problem(const InForce& node) {
  if (node.is_in_force)
    return {"not_reported", "the node has not reported this tunnel yet", "wait a second", 0};
  return {"not_in_force", node.reason, node.remedy, 0};
}

const ResourceStatus::Seen& ResourceStatus::seen(const std::string& node) const {
  const auto [found, is_new] = seen_.try_emplace(node);
  Seen& seen = found->second;
  if (!is_new) return seen;
  seen.report = reports_.of(node);
  seen.newest = newest_on(node, *seen.report);
  if (has_status(*seen.report))
    for (const auto& tunnel : seen.report->status->tunnels)
      seen.tunnels.emplace(tunnel.tunnel, &tunnel);
  return seen;
}

const NodeReport& ResourceStatus::report_of(const std::string& node) const {
  return *seen(node).report;
}

InForce ResourceStatus::newest_on(const std::string& node, const NodeReport& report) const {
  const auto wanted = now_.states.find(node);
  if (wanted == now_.states.end())
    return {false, "Node " + node + " is not declared", "declare it"};
  const std::string what_to_do = "look at farspan-agent on " + node + " and its log";
  if (!report.heard_at)
    return {false, "node " + node + " has not connected since the controller started", what_to_do};
  const std::string silence = std::to_string(seconds_between(*report.heard_at, time_)) + " s";
  if (!report.is_connected)
    return {false, "node " + node + " is not connected; it was last heard " + silence + " ago",
            what_to_do};
  if (time_ - *report.heard_at > kStatusLifetime)
    return {false,
            "node " + node + " has said nothing for " + silence + ", although it is connected",
            what_to_do};
  if (report.generation_in_force != wanted->second->generation)
    return {false,
            "node " + node + " has generation " + std::to_string(report.generation_in_force) +
                " in force, and " + std::to_string(wanted->second->generation) + " is wanted",
            "wait a second; if it stays so, " + what_to_do};
  return {};
}

InForce ResourceStatus::on_node(const std::string& node, const std::string& item) const {
  const Seen& there = seen(node);
  if (!there.newest.is_in_force) return there.newest;
  for (const auto& failure : there.report->failures)
    if (item.empty() || concerns(failure.item, item))
      return {false, "node " + node + ": " + failure.item + ": " + failure.reason, failure.remedy};
  return {};
}

std::vector<std::string> ResourceStatus::nodes_with_vpc(const std::string& vpc) const {
  std::vector<std::string> nodes;
  if (const auto* piece = now_.pieces.find(vpc))
    for (const model::Node* node : piece->site.nodes) nodes.push_back(node->meta.name);
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

const std::vector<std::string>& ResourceStatus::nodes_with_cen(const std::string& cen) const {
  const auto [found, is_new] = by_cen_.try_emplace(cen);
  const auto members = now_.pieces.by_cen.find(cen);
  if (!is_new || members == now_.pieces.by_cen.end()) return found->second;
  std::set<std::string> nodes;
  for (const auto* piece : members->second)
    for (const model::Node* node : piece->site.nodes) nodes.insert(node->meta.name);
  found->second.assign(nodes.begin(), nodes.end());
  return found->second;
}

std::vector<std::string> ResourceStatus::nodes_with(const model::AnyResource& resource) const {
  const model::Model& model = now_.model;
  const auto with_tunnel = [&](const model::IpsecConnection& connection) {
    const auto* gateway = model.find<model::VpnGateway>(connection.vpn_gateway);
    const auto state = now_.states.find(gateway == nullptr ? std::string() : gateway->node);
    const bool is_there =
        state != now_.states.end() &&
        state->second->tunnels.contains(nodestate::TunnelId(connection.meta.number));
    return is_there ? std::vector{state->first} : std::vector<std::string>();
  };
  return std::visit(
      Overloaded{
          [&](const model::Region& region) {
            return nodes_where(now_.states, [&](const NodeState& state) {
              const auto* node = model.find<model::Node>(state.node);
              return node != nullptr && node->region == region.meta.name;
            });
          },
          [&](const model::Node& node) { return std::vector<std::string>{node.meta.name}; },
          [&](const model::Vpc& vpc) { return nodes_with_vpc(vpc.meta.name); },
          [&](const model::VSwitch& vswitch) { return nodes_with_vpc(vswitch.vpc); },
          [&](const model::SecurityGroup& group) {
            return nodes_where(now_.states, [&](const NodeState& state) {
              return state.security_groups.contains(nodestate::SecurityGroupId(group.meta.number));
            });
          },
          [&](const model::Instance& instance) { return std::vector<std::string>{instance.node}; },
          [&](const model::VpnGateway& gateway) { return std::vector<std::string>{gateway.node}; },
          [&](const model::CustomerGateway& office) {
            std::set<std::string> nodes;
            now_.users.for_each_of<model::IpsecConnection, model::CustomerGateway>(
                model, office.meta.name, [&](const model::IpsecConnection& connection) {
                  for (auto& node : with_tunnel(connection)) nodes.insert(std::move(node));
                });
            return std::vector<std::string>(nodes.begin(), nodes.end());
          },
          [&](const model::IpsecConnection& connection) { return with_tunnel(connection); },
          [&](const model::VpnRoute&) { return nodes_with_vpc(vpc_of(model, resource)); },
          [&](const model::Cen& cen) { return nodes_with_cen(cen.meta.name); },
          [&](const model::CenAttachment& attachment) { return nodes_with_vpc(attachment.vpc); },
          [&](const model::CenRoute& route) { return nodes_with_cen(route.cen); },
      },
      resource);
}

// A route may be declared and lose; then it is in force nowhere, whatever the nodes do.
InForce ResourceStatus::route_in_force(const model::AnyResource& resource) const {
  const std::string vpc = vpc_of(now_.model, resource);
  if (vpc.empty()) return {};
  for (const auto& candidate : compiler::explain_routes(now_, vpc, destination_of(resource))) {
    if (!is_route(resource, candidate)) continue;
    if (candidate.state == compiler::RouteState::kRejected)
      return {false, "the route is rejected: " + candidate.reason, "see: farspan routes " + vpc};
    return {};
  }
  return {false, "the route stands in no table of Vpc " + vpc, "see: farspan routes " + vpc};
}

InForce ResourceStatus::in_force(const model::AnyResource& resource) const {
  if (const InForce route = route_in_force(resource); !route.is_in_force) return route;
  const auto nodes = nodes_with(resource);
  if (nodes.empty())
    return {false, "no node carries it", "nothing is wrong if nothing uses it yet"};
  const bool is_node = std::holds_alternative<model::Node>(resource);
  for (const std::string& node : nodes)
    if (const InForce there = on_node(node, is_node ? "" : model::label_of(resource));
        !there.is_in_force)
      return there;
  return {};
}

Json ResourceStatus::of(const model::AnyResource& resource) const {
  const InForce is = in_force(resource);
  Json status = {{"in_force", is.is_in_force}, {"reason", is.reason}};
  if (!is.remedy.empty()) status["remedy"] = is.remedy;
  add_faults(model::label_of(resource), status);
  if (const auto* node = std::get_if<model::Node>(&resource)) add_node(*node, status);
  if (std::holds_alternative<model::Instance>(resource))
    status["state"] = is.is_in_force ? "plugged_in" : "not_plugged_in";
  if (const auto* connection = std::get_if<model::IpsecConnection>(&resource))
    add_connection(*connection, status);
  return status;
}

// What is wrong with a stored row by the rules of today; nobody else is kept from changing
// anything.
void ResourceStatus::add_faults(const std::string& label, Json& status) const {
  for (const Error& fault : now_.faults) {
    if (fault.resource != label) continue;
    status["faults"].push_back(
        {{"field", fault.field}, {"what", fault.what}, {"remedy", fault.remedy}});
  }
}

void ResourceStatus::add_node(const model::Node& node, Json& status) const {
  const NodeReport& report = report_of(node.meta.name);
  const auto wanted = now_.states.find(node.meta.name);
  status["connected"] = report.is_connected;
  status["last_report_seconds_ago"] = seconds_since(report.heard_at, time_);
  status["generation_wanted"] = wanted == now_.states.end() ? 0 : wanted->second->generation;
  status["generation_in_force"] = report.generation_in_force;
  status["dataplane_up"] = is_up(report, report.status->is_dataplane_up);
  status["charon_up"] = is_up(report, report.status->is_charon_up);
  status["failures"] = failures_json(report.failures);
}

bool ResourceStatus::has_status(const NodeReport& report) const {
  return report.is_connected && report.status_at && time_ - *report.status_at <= kStatusLifetime;
}

Json ResourceStatus::is_up(const NodeReport& report, bool said) const {
  return has_status(report) ? Json(said) : Json();
}

const controller::TunnelReport* ResourceStatus::tunnel(const std::string& node, uint32_t id) const {
  const auto& tunnels = seen(node).tunnels;
  const auto found = tunnels.find(id);
  return found == tunnels.end() ? nullptr : found->second;
}

void ResourceStatus::add_connection(const model::IpsecConnection& connection, Json& status) const {
  const auto* gateway = now_.model.find<model::VpnGateway>(connection.vpn_gateway);
  const std::string node = gateway == nullptr ? "" : gateway->node;
  const auto* seen = tunnel(node, connection.meta.number);
  status["node"] = node;
  if (seen == nullptr) {
    status["state"] = status["ike_state"] = status["child_state"] = "unknown";
    status["problem"] =
        problem_json(silent_problem(on_node(node, "IpsecConnection " + connection.meta.name)));
    return;
  }
  const bool is_ike_up = seen->ike_state == "ike_sa_established";
  status["state"] = is_ike_up ? seen->child_state : seen->ike_state;
  status["ike_state"] = seen->ike_state;
  status["child_state"] = seen->child_state;
  status["problem"] = problem_json(seen->problem);
}

}  // namespace farspan::api
