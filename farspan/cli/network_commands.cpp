// SPDX-License-Identifier: Apache-2.0
// routes, tunnels, reach, export: what the network does, and why.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "farspan/cli/context.h"
#include "farspan/cli/table.h"

namespace farspan::cli {
namespace {

// A field that may be missing or null, as text.
std::string text_of(const nlohmann::json& row, const char* key) {
  const auto value = row.find(key);
  if (value == row.end() || value->is_null()) return "";
  return visible(value->is_string() ? value->get<std::string>() : value->dump());
}

uint64_t number_of(const nlohmann::json& row, const char* key) {
  const auto value = row.find(key);
  return value != row.end() && value->is_number() ? value->get<uint64_t>() : 0;
}

void routes(const Context& context, const std::string& vpc) {
  const auto answer = context.get("/v1/vpcs/" + url_encoded(vpc) + "/routes");
  if (!context.is_table()) return context.print(answer);
  Table table({"DESTINATION", "SOURCE", "ORIGIN", "NEXT HOP", "STATE", "IN", "TO CEN", "REASON"});
  table.may_leave_out("TO CEN");
  table.may_stand_below("REASON");
  for (const auto& route : answer.at("routes")) {
    const bool is_active = text_of(route, "state") == "active";
    table.add({text_of(route, "destination"),
               text_of(route, "source").empty() ? "any" : text_of(route, "source"),
               text_of(route, "origin"), text_of(route, "next_hop"),
               Cell(text_of(route, "state"), is_active ? Colour::kGreen : Colour::kRed),
               route.value("is_in_vpc", false) ? "vpc" : "gateway",
               route.value("is_published_to_cen", false) ? "published" : "-",
               text_of(route, "reason")});
  }
  table.print(std::cout);
  for (const auto& node : answer.value("nodes", nlohmann::json::array())) {
    if (node.value("in_force", false)) continue;
    print_note(std::cout,
               "not in force on " + text_of(node, "node") + ": " + text_of(node, "reason"),
               Colour::kRed);
  }
}

Cell state_cell(const nlohmann::json& tunnel) {
  const std::string ike = text_of(tunnel, "ike_state"), child = text_of(tunnel, "child_state");
  if (child == "ipsec_sa_established") return {"up", Colour::kGreen};
  if (ike == "ike_sa_established") return {"phase 2 down", Colour::kRed};
  return {ike == "unknown" ? "unknown" : "phase 1 down", Colour::kRed};
}

std::string name_of(const nlohmann::json& tunnel) {
  return text_of(tunnel, "kind") == "link" ? "link " + text_of(tunnel, "peer_node")
                                           : text_of(tunnel, "connection");
}

// Beside the rest on a wide terminal, below it on a narrow one.
constexpr size_t kColumnsOfTunnels = 150;

std::string last_packet_text(const nlohmann::json& tunnel) {
  if (!tunnel.value("reported", false)) return "-";
  const auto last = tunnel.find("last_packet_in_seconds_ago");
  if (last == tunnel.end() || last->is_null()) return "never";
  return duration_text(last->get<uint64_t>()) + " ago";
}

std::string words_of_origin(const std::string& origin) {
  if (origin == "quote") return "a router on the way said so";
  if (origin == "probe") return "found by probes";
  if (origin == "black_hole") return "larger packets vanish on the way, and nobody says so";
  if (origin == "declared") return "as its IpsecConnection says";
  return origin;
}

// Only where the way carries less than the route lets expect.
void print_path(const nlohmann::json& tunnel) {
  const auto path = tunnel.find("path_mtu");
  if (path == tunnel.end() || !path->is_object()) return;
  if (number_of(*path, "mtu") >= number_of(*path, "route_mtu")) return;
  std::cout << "\n"
            << painted(name_of(tunnel), Colour::kBold) << ": path MTU "
            << painted(text_of(*path, "mtu"), Colour::kRed) << ", below the "
            << text_of(*path, "route_mtu")
            << " of the route: " << words_of_origin(text_of(*path, "origin")) << ", "
            << duration_text(number_of(*path, "seconds_ago")) << " ago\n";
}

void tunnels(const Context& context) {
  const auto answer = context.get("/v1/tunnels");
  if (!context.is_table()) return context.print(answer);
  const size_t columns = terminal_columns();
  const bool is_wide = columns == 0 || columns >= kColumnsOfTunnels;
  std::vector<std::string> header{"NODE", "TUNNEL", "STATE", "REMOTE"};
  if (is_wide) header.insert(header.end(), {"IKE", "ESP"});
  header.insert(header.end(), {"AGE", "IN", "OUT", "LAST IN"});
  Table table(header), algorithms({"NODE", "TUNNEL", "IKE", "ESP"});
  for (const auto& tunnel : answer.at("tunnels")) {
    const bool is_up = text_of(tunnel, "child_state") == "ipsec_sa_established";
    const std::string ike = text_of(tunnel, "ike_algorithms"),
                      esp = text_of(tunnel, "esp_algorithms");
    std::vector<Cell> row{text_of(tunnel, "node"), name_of(tunnel), state_cell(tunnel),
                          text_of(tunnel, "remote")};
    if (is_wide)
      row.insert(row.end(), {ike, esp});
    else if (!ike.empty())
      algorithms.add({text_of(tunnel, "node"), name_of(tunnel), ike, esp});
    row.insert(row.end(), {is_up ? duration_text(number_of(tunnel, "child_age_seconds")) : "-",
                           bytes_text(number_of(tunnel, "bytes_in")),
                           bytes_text(number_of(tunnel, "bytes_out")), last_packet_text(tunnel)});
    table.add(std::move(row));
  }
  if (table.empty()) {
    std::cout << "No tunnel is declared: an IpsecConnection or a Cen over two regions makes one.\n";
    return;
  }
  table.print(std::cout);
  if (!algorithms.empty()) std::cout << "\n";
  if (!algorithms.empty()) algorithms.print(std::cout);
  for (const auto& tunnel : answer.at("tunnels")) print_path(tunnel);
  for (const auto& tunnel : answer.at("tunnels")) {
    const auto problem = tunnel.find("problem");
    if (problem == tunnel.end() || !problem->is_object()) continue;
    const std::string name = text_of(tunnel, "kind") == "link"
                                 ? "link to " + text_of(tunnel, "peer_node")
                                 : text_of(tunnel, "connection");
    std::cout << "\n"
              << painted(name, Colour::kBold) << ": "
              << painted(text_of(*problem, "cause"), Colour::kRed) << ", "
              << duration_text(number_of(*problem, "seconds_ago")) << " ago\n";
    print_note(std::cout, text_of(*problem, "words"));
    if (!text_of(*problem, "remedy").empty()) print_note(std::cout, text_of(*problem, "remedy"));
  }
}

struct Question {
  std::string from, to, protocol = "icmp";
  std::optional<uint16_t> port;
};

void reach(const Context& context, const Question& question) {
  if (question.port && question.protocol == "icmp")
    throw CLI::ValidationError("--port", "means nothing for icmp; add --protocol tcp or udp");
  std::string target = "/v1/reachability?from=" + url_encoded(question.from) +
                       "&to=" + url_encoded(question.to) + "&protocol=" + question.protocol;
  if (question.protocol != "icmp") target += "&port=" + std::to_string(question.port.value_or(80));
  const auto answer = context.get(target);
  const bool is_reachable = answer.at("is_reachable").get<bool>();
  if (!context.is_table()) {
    context.print(answer);
  } else if (is_reachable) {
    std::string path;
    for (const auto& place : answer.at("path"))
      path += (path.empty() ? "" : " ▸ ") + place.get<std::string>();
    std::cout << painted("reachable", Colour::kGreen) << ": " << path << "\n";
  } else {
    std::cout << painted("not reachable", Colour::kRed) << ": " << text_of(answer, "reason")
              << "\n";
  }
  if (!is_reachable) throw Exit{kExitRefused};
}

struct ExportWanted {
  std::string kind, name, format = "swanctl", file;
};

}  // namespace

void add_network_commands(CLI::App& app, Context& context) {
  auto vpc = std::make_shared<std::string>();
  auto* show_routes = app.add_subcommand(
      "routes", "Every candidate route of a VPC, with its origin, state and reason");
  show_routes->add_option("vpc", *vpc, "")->required()->type_name("VPC");
  show_routes->footer("Example:\n  farspan routes us-east");
  show_routes->callback([vpc, &context] { routes(context, *vpc); });

  auto* show_tunnels = app.add_subcommand(
      "tunnels", "IKE and Child SA of every connection and link; what is wrong, in words");
  show_tunnels->footer("Examples:\n  farspan tunnels\n  farspan tunnels -o json");
  show_tunnels->callback([&context] { tunnels(context); });

  auto question = std::make_shared<Question>();
  auto* ask = app.add_subcommand(
      "reach", "Would packets get from one host to another, and which way? (as declared)");
  ask->add_option("from", question->from, "address, or name of an Instance or office")
      ->required()
      ->type_name("FROM");
  ask->add_option("to", question->to, "address, or name of an Instance or office")
      ->required()
      ->type_name("TO");
  ask->add_option("--protocol", question->protocol, "icmp, tcp or udp")
      ->capture_default_str()
      ->check(CLI::IsMember({"icmp", "tcp", "udp"}));
  ask->add_option("--port", question->port, "for tcp and udp; 80 unless given");
  ask->footer(
      "Examples:\n  farspan reach office-1 office-4\n  farspan reach 10.10.10.10 app-shanghai "
      "--protocol tcp --port 80\nExit code 1 when not reachable.");
  ask->callback([question, &context] { reach(context, *question); });

  auto wanted = std::make_shared<ExportWanted>();
  auto* exported = app.add_subcommand(
      "export", "Configuration for a device outside Farspan; contains the pre-shared key");
  exported->add_option("kind", wanted->kind, "ipsec-connection")
      ->required()
      ->type_name("KIND")
      ->check(CLI::IsMember({"ipsec-connection", "ipsec-connections", "IpsecConnection"}));
  exported->add_option("name", wanted->name, "")->required()->type_name("NAME");
  exported->add_option("--format", wanted->format, "swanctl or json")
      ->capture_default_str()
      ->check(CLI::IsMember({"swanctl", "json"}));
  add_secret_file_option(exported, wanted->file);
  exported->footer("Example:\n  farspan export ipsec-connection office-1 -f swanctl.conf");
  exported->callback([wanted, &context] {
    if (context.output == "yaml")
      throw CLI::ValidationError("-o", "yaml is no format of device configurations; use --format");
    if (context.output == "json") wanted->format = "json";
    auto answer = context.client().request(
        "GET",
        "/v1/export/ipsec-connections/" + url_encoded(wanted->name) + "?format=" + wanted->format);
    if (!answer) fail(answer.error());
    if (!answer->ok()) fail(answer->errors());
    write_secret(wanted->file, answer->body);
  });
}

}  // namespace farspan::cli
