// SPDX-License-Identifier: Apache-2.0
// nodes, enrolment, ca, version, metrics: the machines Farspan runs on.
#include "farspan/api/drop_words.h"
#include "farspan/api/json.h"
#include "farspan/api/resource_status.h"
#include "farspan/base/version.h"

namespace farspan::api {
namespace {

constexpr std::string_view kDropPrefix = "drop.";

Json drop_json(const controller::CounterReport& counter) {
  const std::string_view reason = std::string_view(counter.name).substr(kDropPrefix.size());
  std::string severity = "unknown", words = "a reason that this controller does not know";
  for (const DropWords& known : drop_words()) {
    if (known.reason != reason) continue;
    severity = known.severity;
    severity[0] = static_cast<char>(severity[0] - 'A' + 'a');
    words = known.words;
  }
  return {{"reason", reason}, {"packets", counter.value}, {"severity", severity}, {"words", words}};
}

Json ports_json(const controller::NodeReport& report, const nodestate::NodeState& state) {
  Json ports = Json::array();
  for (const auto& port : report.status->ports) {
    const auto known = state.ports.find(nodestate::PortId(port.port));
    ports.push_back({{"port", port.port},
                     {"instance", known == state.ports.end() ? "" : known->second.instance},
                     {"packets_in", port.packets_in},
                     {"bytes_in", port.bytes_in},
                     {"packets_out", port.packets_out},
                     {"bytes_out", port.bytes_out}});
  }
  return ports;
}

// What this node is said to fail at, and what the controller saw of it itself.
std::vector<controller::ItemFailure> failures_of(const model::Node& node,
                                                 const controller::NodeReport& report,
                                                 controller::SteadyTime time) {
  constexpr std::chrono::minutes kShown{10};
  std::vector<controller::ItemFailure> failures = report.failures;
  if (report.two_machines && time - report.two_machines->seen_at < kShown)
    failures.push_back(
        {"certificate",
         "two machines use it at once, at " + report.two_machines->newer + " and at " +
             report.two_machines->older,
         "take it back and enrol the right machine again: farspan revoke " + node.meta.name});
  if (report.refused_messages > 0)
    failures.push_back({"reports",
                        std::to_string(report.refused_messages) +
                            " were refused since it connected: larger than its state can make "
                            "them, or malformed",
                        "see that the machine runs this version of farspan-agent, and nothing else "
                        "uses its certificate"});
  return failures;
}

Json node_json(const model::Node& node, const nodestate::NodeState& state,
               const controller::NodeReport& report, const ResourceStatus& status,
               controller::SteadyTime time) {
  Json counters = Json::array(), drops = Json::array();
  for (const auto& counter : report.status->counters) {
    counters.push_back({{"name", counter.name}, {"value", counter.value}});
    if (counter.name.starts_with(kDropPrefix)) drops.push_back(drop_json(counter));
  }
  return {{"node", node.meta.name},
          {"region", node.region},
          {"public_address", node.public_address.text()},
          {"connected", report.is_connected},
          {"version", report.version},
          {"last_report_seconds_ago", seconds_since(report.heard_at, time)},
          {"generation_wanted", state.generation},
          {"generation_in_force", report.generation_in_force},
          {"in_force", status.on_node(node.meta.name).is_in_force},
          {"failures", failures_json(failures_of(node, report, time))},
          {"is_dataplane_up", status.is_up(report, report.status->is_dataplane_up)},
          {"is_charon_up", status.is_up(report, report.status->is_charon_up)},
          {"counters", counters},
          {"drops", drops},
          {"ports", ports_json(report, state)}};
}

// Names in the exposition format are escaped; ours come from the model and from a node, which may
// say anything.
std::string label(std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return '"' + escaped + '"';
}

}  // namespace

Answer Rest::nodes(const Request&, const PathValues&) const {
  const auto now = sources_.controller.published();
  const auto time = std::chrono::steady_clock::now();
  const ResourceStatus status(*now, sources_.reports, time);
  Json list = Json::array();
  for (const auto& [name, node] : now->model.all<model::Node>())
    list.push_back(
        node_json(node, *now->states.at(name), *sources_.reports.of(name), status, time));
  return json_answer({{"nodes", list}});
}

Answer Rest::enrol(const Request& request, const PathValues& values) const {
  const std::string& node = values[0];
  const auto now = sources_.controller.published();
  const auto* declared = now->model.find<model::Node>(node);
  if (declared == nullptr)
    return refusal(Error{ErrorCode::kNotFound, "Node " + node, "", "does not exist",
                         "declare it first: farspan apply -f …"});
  // Before it is made: a bundle that nobody is named for is not to be there.
  const auto recorded =
      sources_.controller.record(request.principal, "enrol", {model::Node::kKind, node});
  if (!recorded) return refusal(recorded.error());
  const auto token =
      sources_.enrolments.issue(declared->identity(), std::chrono::system_clock::now());
  if (!token) return refusal(token.error());
  return json_answer({{"node", node},
                      {"controller", sources_.advertised},
                      {"token", *token},
                      {"ca_certificate", sources_.authority.certificate_pem()},
                      {"ca_fingerprint", sources_.authority.fingerprint()}});
}

Answer Rest::ca(const Request&, const PathValues&) const {
  return json_answer({{"ca_certificate", sources_.authority.certificate_pem()}});
}

Answer Rest::version(const Request&, const PathValues&) const {
  return json_answer({{"version", kVersion},
                      {"api", "v1"},
                      {"revision", sources_.controller.published()->revision}});
}

Answer Rest::metrics(const Request&, const PathValues&) const {
  const auto now = sources_.controller.published();
  const auto time = std::chrono::steady_clock::now();
  const ResourceStatus status(*now, sources_.reports, time);
  std::string connected = "# TYPE farspan_node_connected gauge\n";
  std::string in_force = "# TYPE farspan_node_in_force gauge\n";
  std::string counters = "# TYPE farspan_node_counter_total counter\n";
  std::string tunnels = "# TYPE farspan_tunnel_up gauge\n";
  for (const auto& [name, state] : now->states) {
    const auto report = sources_.reports.of(name);
    const std::string node = "{node=" + label(name);
    connected += "farspan_node_connected" + node + "} " + (report->is_connected ? "1\n" : "0\n");
    in_force +=
        "farspan_node_in_force" + node + "} " + (status.on_node(name).is_in_force ? "1\n" : "0\n");
    for (const auto& counter : report->status->counters)
      counters += "farspan_node_counter_total" + node + ",name=" + label(counter.name) + "} " +
                  std::to_string(counter.value) + "\n";
    for (const auto& [id, tunnel] : state->tunnels) {
      const auto* office = std::get_if<nodestate::OfficeTunnel>(&tunnel.use);
      const auto* seen = status.tunnel(name, id.value());
      const bool is_up = seen != nullptr && seen->child_state == "ipsec_sa_established";
      tunnels +=
          "farspan_tunnel_up" + node +
          (office != nullptr
               ? ",connection=" + label(office->connection)
               : ",peer_node=" + label(std::get<nodestate::LinkTunnel>(tunnel.use).peer_node)) +
          (is_up ? "} 1\n" : "} 0\n");
    }
  }
  return {200, "text/plain; version=0.0.4", connected + in_force + counters + tunnels, ""};
}

}  // namespace farspan::api
