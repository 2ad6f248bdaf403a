// SPDX-License-Identifier: Apache-2.0
// routes, tunnels, export: what the network does, and why.
#include "farspan/api/json.h"
#include "farspan/api/page.h"
#include "farspan/api/resource_status.h"
#include "farspan/api/work.h"

namespace farspan::api {
namespace {

const char* word_of(compiler::RouteOrigin origin) {
  switch (origin) {
    case compiler::RouteOrigin::kSystem:
      return "system";
    case compiler::RouteOrigin::kVpn:
      return "vpn";
    case compiler::RouteOrigin::kCen:
      break;
  }
  return "cen";
}

Json route_json(const compiler::CandidateRoute& route) {
  return {{"destination", route.destination.text()},
          {"source", route.source ? Json(route.source->text()) : Json()},
          {"origin", word_of(route.origin)},
          {"next_hop", route.next_hop},
          {"state", route.state == compiler::RouteState::kActive ? "active" : "rejected"},
          {"is_in_vpc", route.is_in_vpc},
          {"is_published_to_cen", route.is_published_to_cen},
          {"reason", route.reason}};
}

Json child_json(const controller::ChildSaReport& child) {
  return {{"unique_id", child.unique_id},
          {"spi_in", child.spi_in},
          {"spi_out", child.spi_out},
          {"state", child.state},
          {"bytes_in", child.bytes_in},
          {"bytes_out", child.bytes_out},
          {"packets_in", child.packets_in},
          {"packets_out", child.packets_out},
          {"age_seconds", child.age_seconds},
          {"local_subnets", child.local_subnets},
          {"remote_subnets", child.remote_subnets}};
}

Json path_json(const std::optional<controller::PathMtuReport>& path) {
  if (!path) return {};
  return {{"mtu", path->mtu},
          {"route_mtu", path->route_mtu},
          {"origin", path->origin},
          {"seconds_ago", path->seconds_ago},
          {"warning", path->mtu < path->route_mtu ? Json("below what the route allows") : Json()}};
}

void add_report(const controller::TunnelReport& report, bool is_reported, Json& tunnel) {
  tunnel["reported"] = is_reported;
  tunnel["ike_state"] = report.ike_state;
  tunnel["child_state"] = report.child_state;
  tunnel["local"] = report.local;
  tunnel["remote"] = report.remote;
  tunnel["ike_algorithms"] = report.ike_algorithms;
  tunnel["esp_algorithms"] = report.esp_algorithms;
  tunnel["is_nat_detected"] = report.is_nat_detected;
  tunnel["ike_age_seconds"] = report.ike_age_seconds;
  tunnel["child_age_seconds"] = report.child_age_seconds;
  tunnel["bytes_in"] = report.bytes_in;
  tunnel["bytes_out"] = report.bytes_out;
  tunnel["packets_in"] = report.packets_in;
  tunnel["packets_out"] = report.packets_out;
  tunnel["last_packet_in_seconds_ago"] =
      report.last_packet_in_seconds_ago ? Json(*report.last_packet_in_seconds_ago) : Json();
  tunnel["ike_id"] = report.ike_id;
  tunnel["problem"] = problem_json(report.problem);
  tunnel["path_mtu"] = path_json(report.path);
  tunnel["children"] = Json::array();
  for (const auto& child : report.children) tunnel["children"].push_back(child_json(child));
}

controller::TunnelReport silent_report(const nodestate::Tunnel& tunnel, const InForce& node) {
  controller::TunnelReport report;
  report.ike_state = report.child_state = "unknown";
  report.local = tunnel.ike.local.text();
  report.remote = tunnel.ike.remote.text();
  report.problem = silent_problem(node);
  return report;
}

Json tunnel_json(const std::string& node, nodestate::TunnelId id, const nodestate::Tunnel& tunnel) {
  const auto* office = std::get_if<nodestate::OfficeTunnel>(&tunnel.use);
  const auto* link = std::get_if<nodestate::LinkTunnel>(&tunnel.use);
  return {{"node", node},
          {"tunnel", id.value()},
          {"kind", office != nullptr ? "office" : "link"},
          {"connection", office != nullptr ? Json(office->connection) : Json()},
          {"vpc", nullptr},
          {"peer_node", link != nullptr ? Json(link->peer_node) : Json()}};
}

// As the node names it when it fails.
std::string item_of(const nodestate::Tunnel& tunnel) {
  if (const auto* office = std::get_if<nodestate::OfficeTunnel>(&tunnel.use))
    return "IpsecConnection " + office->connection;
  return "Link to Node " + std::get<nodestate::LinkTunnel>(tunnel.use).peer_node;
}

}  // namespace

// Made from the pieces that are published, no further than the page goes.
Answer Rest::routes(const Request& request, const PathValues& values) const {
  const auto page = page_of(request);
  if (!page) return refusal(page.error());
  const auto now = at_page(*page);
  if (!now) return refusal(now.error());
  if ((*now)->model.find<model::Vpc>(values[0]) == nullptr)
    return refusal(Error{ErrorCode::kNotFound, "Vpc " + values[0], "", "does not exist",
                         "list what exists with: farspan get Vpc"});
  const auto after = net::Prefix::parse(page->after);
  if (!after && !page->after.empty()) return refusal(no_continuation(request));
  const auto found = compiler::explain_routes(**now, values[0], after, page->limit);
  const ResourceStatus status(**now, sources_.reports, std::chrono::steady_clock::now());
  std::string list;
  for (const auto& route : found.routes) {
    if (request.stop.stop_requested()) return took_too_long();
    list += (list.empty() ? "" : ",") + to_text(route_json(route));
  }
  Json in_force = Json::array();
  for (const std::string& node : status.nodes_with_vpc(values[0])) {
    const InForce there = status.on_node(node, "Vpc " + values[0]);
    in_force.push_back({{"node", node}, {"in_force", there.is_in_force}, {"reason", there.reason}});
  }
  std::string text = "{\"vpc\":" + to_text(values[0]) + ",\"routes\":[" + list +
                     "],\"nodes\":" + to_text(in_force);
  if (found.has_more) {
    sources_.controller.keep(*now);
    text += ",\"continue\":" +
            to_text(continuation((*now)->revision, found.routes.back().destination.text()));
  }
  return {200, "application/json", text + "}\n", ""};
}

Answer Rest::tunnels(const Request&, const PathValues&) const {
  const auto now = sources_.controller.published();
  const ResourceStatus status(*now, sources_.reports, std::chrono::steady_clock::now());
  Json list = Json::array();
  for (const auto& [node, state] : now->states) {
    for (const auto& [id, tunnel] : state->tunnels) {
      Json row = tunnel_json(node, id, tunnel);
      if (const auto* office = std::get_if<nodestate::OfficeTunnel>(&tunnel.use)) {
        const auto vrf = state->vrfs.find(office->vrf);
        if (vrf != state->vrfs.end()) row["vpc"] = vrf->second.vpc;
      }
      if (const auto* seen = status.tunnel(node, id.value()))
        add_report(*seen, true, row);
      else
        add_report(silent_report(tunnel, status.on_node(node, item_of(tunnel))), false, row);
      list.push_back(std::move(row));
    }
  }
  return json_answer({{"tunnels", list}});
}

Answer Rest::export_connection(const Request& request, const PathValues& values) const {
  const auto asked = request.query.find("format");
  const std::string format = asked == request.query.end() ? "" : asked->second;
  if (!format.empty() && format != "swanctl" && format != "json")
    return refusal(Error{ErrorCode::kInvalid, "IpsecConnection " + values[0], "format",
                         format + " is not known", "use swanctl or json"});
  const bool is_json = format == "json";
  auto text = sources_.controller.export_connection(
      values[0], is_json ? controller::DeviceFormat::kJson : controller::DeviceFormat::kSwanctl);
  if (!text) return refusal(text.error());
  // Nobody is told a key without being named for it.
  const auto recorded = sources_.controller.record(request.principal, "export",
                                                   {model::IpsecConnection::kKind, values[0]});
  if (!recorded) return refusal(recorded.error());
  return {200, is_json ? "application/json" : "text/plain; charset=utf-8", *std::move(text), ""};
}

}  // namespace farspan::api
