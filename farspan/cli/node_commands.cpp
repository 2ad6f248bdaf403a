// SPDX-License-Identifier: Apache-2.0
// nodes, drops, enrol, revoke: the machines Farspan runs on.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "farspan/cli/context.h"
#include "farspan/cli/table.h"

namespace farspan::cli {
namespace {

Cell up_cell(const nlohmann::json& is_up) {
  if (!is_up.is_boolean()) return Cell("unknown", Colour::kYellow);
  return is_up.get<bool>() ? Cell("up", Colour::kGreen) : Cell("down", Colour::kRed);
}

void nodes(const Context& context) {
  const auto answer = context.get("/v1/nodes");
  if (!context.is_table()) return context.print(answer);
  Table table(
      {"NODE", "REGION", "ADDRESS", "AGENT", "DATA PLANE", "CHARON", "GENERATION", "IN FORCE"});
  table.may_leave_out("REGION");
  table.may_leave_out("ADDRESS");
  for (const auto& node : answer.at("nodes")) {
    const bool is_connected = node.value("connected", false),
               is_in_force = node.value("in_force", false);
    table.add(
        {node.value("node", ""), node.value("region", ""), node.value("public_address", ""),
         is_connected ? Cell("connected", Colour::kGreen) : Cell("not connected", Colour::kRed),
         up_cell(node.at("is_dataplane_up")), up_cell(node.at("is_charon_up")),
         node.at("generation_in_force").dump() + " of " + node.at("generation_wanted").dump(),
         is_in_force ? Cell("yes", Colour::kGreen) : Cell("no", Colour::kRed)});
  }
  if (table.empty()) {
    std::cout << "No node is declared.\n";
    return;
  }
  table.print(std::cout);
  for (const auto& node : answer.at("nodes")) {
    for (const auto& failure : node.at("failures")) {
      std::cout << "\n"
                << painted(node.value("node", "") + ": " + failure.value("item", ""), Colour::kRed)
                << ": " << visible(failure.value("reason", ""));
      if (!failure.value("remedy", "").empty())
        std::cout << "; " << visible(failure.value("remedy", ""));
      std::cout << "\n";
    }
  }
}

void drops(const Context& context) {
  const auto answer = context.get("/v1/nodes");
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& node : answer.at("nodes")) {
    for (auto drop : node.at("drops")) {
      if (drop.value("packets", uint64_t{0}) == 0) continue;
      drop["node"] = node.at("node");
      rows.push_back(drop);
    }
  }
  if (!context.is_table()) return context.print({{"drops", rows}});
  Table table({"NODE", "REASON", "PACKETS", "MEANING"});
  for (const auto& drop : rows) {
    const bool is_ours = drop.value("severity", "") == "node";
    table.add({drop.value("node", ""),
               Cell(drop.value("reason", ""), is_ours ? Colour::kRed : Colour::kNone),
               drop.at("packets").dump(), drop.value("words", "")});
  }
  if (!table.empty()) table.print(std::cout);
  std::string silent;
  for (const auto& node : answer.at("nodes")) {
    if (!node.value("connected", false))
      silent += (silent.empty() ? "" : ", ") + node.value("node", "");
  }
  if (table.empty() && silent.empty()) std::cout << "No packet was dropped.\n";
  if (!silent.empty()) std::cout << "Not connected, so not counted here: " << silent << "\n";
}

}  // namespace

void add_node_commands(CLI::App& app, Context& context) {
  auto* show = app.add_subcommand(
      "nodes", "Is each node connected, is its newest state in force, and what failed");
  show->footer("Example:\n  farspan nodes");
  show->callback([&context] { nodes(context); });

  auto* show_drops =
      app.add_subcommand("drops", "Every packet that was dropped, by node and reason");
  show_drops->footer("Examples:\n  farspan drops\n  farspan drops -o json");
  show_drops->callback([&context] { drops(context); });

  auto node = std::make_shared<std::string>(), file = std::make_shared<std::string>();
  auto* enrol = app.add_subcommand(
      "enrol", "Make the one-time bundle with which a node's agent joins; it holds a secret");
  enrol->add_option("node", *node, "a declared Node")->required()->type_name("NODE");
  add_secret_file_option(enrol, *file);
  enrol->footer(
      "Example:\n  farspan enrol us-east-node -f bundle.json\n  farspan-agent --node us-east-node "
      "--enrol bundle.json …");
  enrol->callback([node, file, &context] {
    write_secret(
        *file,
        context.send("POST", "/v1/nodes/" + url_encoded(*node) + "/enrolment", "").dump(2) + "\n");
  });

  auto* revoke = app.add_subcommand(
      "revoke",
      "Take back every certificate of a node whose machine is lost, or is to be replaced");
  revoke->add_option("node", *node, "a declared Node")->required()->type_name("NODE");
  revoke->footer(
      "Example:\n  farspan revoke us-east-node\n  farspan enrol us-east-node -f bundle.json    "
      "for the machine that takes its place\nWhat else a lost machine knows: "
      "docs/ops/lost-node.md");
  revoke->callback([node, &context] {
    const auto answer = context.send("POST", "/v1/nodes/" + url_encoded(*node) + "/revocation", "");
    if (!context.is_table()) return context.print(answer);
    std::cout << "The certificates and enrolment tokens of Node " << *node
              << " are void since revision " << answer.at("revision")
              << ".\nWhoever has one is told to be empty, and refused on the links of other nodes."
                 "\nA machine becomes the node with a new bundle: farspan enrol "
              << *node << "\n";
  });
}

}  // namespace farspan::cli
