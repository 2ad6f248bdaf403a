// SPDX-License-Identifier: Apache-2.0
// get, describe, version, watch: what is declared, and what is in force of it.
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "farspan/cli/context.h"
#include "farspan/cli/table.h"
#include "farspan/model/kind_names.h"

namespace farspan::cli {
namespace {

struct Wanted {
  std::string kind, name;
  std::string where, selector;
  uint64_t revision = 0;
};

// A selector is a condition on labels, as others write it: "site=berlin,tier=gold".
std::string conditions_of(const Wanted& wanted) {
  std::string conditions = wanted.where;
  for (std::string_view rest = wanted.selector; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    conditions.append(conditions.empty() ? "" : ",").append("labels.").append(one);
  }
  return conditions;
}

std::string target_of(const Wanted& wanted) {
  const std::string conditions = conditions_of(wanted);
  return "/v1/resources/" + url_encoded(wanted.kind) +
         (wanted.name.empty() ? "" : "/" + url_encoded(wanted.name)) +
         (conditions.empty() ? "" : "?where=" + url_encoded(conditions));
}

// One line of what matters in a spec: its scalars and lists, nested parts left to describe.
std::string summary_of(const nlohmann::json& spec) {
  std::string text;
  for (const auto& [key, value] : spec.items()) {
    if (value.is_object()) continue;
    std::string shown = value.is_string() ? value.get<std::string>() : value.dump();
    if (value.is_array()) {
      shown.clear();
      for (const auto& item : value) {
        if (item.is_structured()) continue;
        shown +=
            (shown.empty() ? "" : ",") + (item.is_string() ? item.get<std::string>() : item.dump());
      }
      if (shown.empty() && !value.empty()) shown = std::to_string(value.size());
    }
    if (!shown.empty()) text += (text.empty() ? "" : "  ") + key + "=" + shown;
  }
  return text;
}

Cell state_of(const nlohmann::json& item) {
  const auto status = item.find("status");
  if (status == item.end() || !status->is_object()) return "-";
  if (!status->value("in_force", false))
    return {status->value("reason", "not in force"), Colour::kRed};
  const std::string state = status->value("state", "in force");
  const bool is_bad = state.find("not_") != std::string::npos || state == "unknown";
  return {state, is_bad ? Colour::kRed : Colour::kGreen};
}

// Every resource of every kind in the order in which they depend on each other, all of one
// revision: asked for again when the network changes in between.
nlohmann::json get_all(const Context& context) {
  for (int tries = 0; tries < 5; ++tries) {
    nlohmann::json all = {{"items", nlohmann::json::array()}};
    bool is_of_one_revision = true;
    for (const auto& kind : model::kind_names()) {
      auto listed = context.get("/v1/resources/" + std::string(kind.kind));
      if (!all.contains("revision")) all["revision"] = listed.at("revision");
      is_of_one_revision = is_of_one_revision && all["revision"] == listed.at("revision");
      for (auto& item : listed.at("items")) all["items"].push_back(std::move(item));
    }
    if (is_of_one_revision) return all;
  }
  fail({ErrorCode::kUnavailable, "", "", "the network changed five times while it was listed",
        "try again, or list one kind"});
}

void get(const Context& context, const Wanted& wanted) {
  const bool is_all = wanted.kind == "all";
  if (is_all && !wanted.name.empty()) throw CLI::ValidationError("get", "all takes no name");
  if (!conditions_of(wanted).empty() && (is_all || !wanted.name.empty()))
    throw CLI::ValidationError("get", "--where and --selector choose from the list of one kind");
  const auto answer = is_all ? get_all(context) : context.get(target_of(wanted));
  if (!context.is_table()) return context.print(answer);
  const auto items = wanted.name.empty() ? answer.at("items") : nlohmann::json::array({answer});
  if (items.empty()) {
    std::cout << (is_all ? "Nothing" : "No " + wanted.kind) << " is declared.\n";
    return;
  }
  Table table({"NAME", "STATE", "REVISION", "SPEC"});
  for (const auto& item : items) {
    const std::string name = item.at("name"), kind = item.at("kind");
    table.add({is_all ? kind + " " + name : name, state_of(item), item.at("revision").dump(),
               summary_of(item.value("spec", nlohmann::json::object()))});
  }
  table.print(std::cout);
}

// What says nothing is left out: people look for what is there. -o json has everything.
nlohmann::json without_empty(const nlohmann::json& value) {
  if (!value.is_structured()) return value;
  nlohmann::json kept = value.is_object() ? nlohmann::json::object() : nlohmann::json::array();
  for (const auto& [key, member] : value.items()) {
    nlohmann::json inner = without_empty(member);
    const bool is_empty = inner.is_null() ||
                          (inner.is_string() && inner.get<std::string>().empty()) ||
                          (inner.is_structured() && inner.empty());
    if (is_empty) continue;
    if (value.is_object())
      kept[key] = std::move(inner);
    else
      kept.push_back(std::move(inner));
  }
  return kept;
}

void watch(const Context& context, const Wanted& wanted) {
  const std::string from =
      wanted.revision > 0 ? "?revision=" + std::to_string(wanted.revision) : "";
  auto done = context.client().stream("/v1/watch" + from, [&](const std::string& line) {
    const auto change = nlohmann::json::parse(line, nullptr, false);
    if (!change.is_object() || change.contains("heartbeat")) return true;
    if (change.contains("errors")) fail(Answer{0, line}.errors());  // why the stream ends
    if (context.is_table()) {
      std::cout << change.at("revision") << "  " << change.value("action", "") << "  "
                << change.value("kind", "") << " " << change.value("name", "") << std::endl;
    } else {
      std::cout << change.dump() << std::endl;
    }
    return true;
  });
  if (!done) fail(done.error());
}

}  // namespace

void add_get_commands(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Wanted>();

  auto* list = app.add_subcommand("get", "List resources of a kind, or show one");
  list->add_option("kind", wanted->kind,
                   "such as vpc, ipsec-connection, cen-route; all: every kind")
      ->required()
      ->type_name("KIND");
  list->add_option("name", wanted->name, "one resource")->type_name("NAME");
  list->add_option("--where", wanted->where,
                   "those whose fields say so, such as spec.vpn_gateway=us-east")
      ->type_name("FIELD=VALUE,…");
  list->add_option("-l,--selector", wanted->selector, "those that have these labels")
      ->type_name("LABEL=VALUE,…");
  list->footer(
      "Examples:\n  farspan get ipsec-connections\n  farspan get vpc us-east -o yaml\n  farspan "
      "get ipsec-connections --where status.in_force=false\n  farspan get instances -l "
      "tier=gold\n  farspan get all -o yaml > "
      "network.yaml");
  list->callback([wanted, &context] { get(context, *wanted); });

  auto* describe = app.add_subcommand(
      "describe", "Show everything about one resource: as declared, and what is in force");
  describe->add_option("kind", wanted->kind, "")->required()->type_name("KIND");
  describe->add_option("name", wanted->name, "")->required()->type_name("NAME");
  describe->footer("Example:\n  farspan describe ipsec-connection office-1");
  describe->callback([wanted, &context] {
    const auto answer = context.get(target_of(*wanted));
    if (context.is_table()) {
      std::cout << to_yaml(without_empty(answer));
    } else {
      context.print(answer);
    }
  });

  auto* version =
      app.add_subcommand("version", "Version of the controller, and the revision it is at");
  version->footer("Example:\n  farspan version");
  version->callback([&context] {
    const auto answer = context.get("/v1/version");
    if (!context.is_table()) return context.print(answer);
    std::cout << "controller " << answer.value("version", "") << ", API " << answer.value("api", "")
              << ", revision " << answer.at("revision") << "\n";
  });

  auto* follow =
      app.add_subcommand("watch", "Follow changes of the declared network as they are made");
  follow->add_option("--revision", wanted->revision, "start after this revision instead of now")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  follow->footer("Examples:\n  farspan watch\n  farspan watch --revision 7 -o json");
  follow->callback([wanted, &context] { watch(context, *wanted); });
}

}  // namespace farspan::cli
