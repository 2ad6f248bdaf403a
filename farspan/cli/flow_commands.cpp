// SPDX-License-Identifier: Apache-2.0
// flows: who uses the flow tables of the nodes.
#include <algorithm>
#include <charconv>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "farspan/cli/context.h"
#include "farspan/cli/table.h"

namespace farspan::cli {
namespace {

constexpr size_t kMostUsers = 1000;

struct User {
  std::string node;
  nlohmann::json row;
  uint64_t number(const char* key) const { return row.value(key, uint64_t{0}); }
  // What a flood has in plenty: entries, or attempts to get some.
  uint64_t weight() const { return std::max(number("flows"), number("opened_last_second")); }
};

std::string word_in(const nlohmann::json& row, const char* key) {
  const auto value = row.find(key);
  return value != row.end() && value->is_string() ? visible(value->get<std::string>()) : "";
}

std::string user_name(const User& user) {
  const std::string kind = word_in(user.row, "kind"), name = word_in(user.row, "name");
  if (kind == "others") return "all others";
  if (name.empty()) return kind + " that is not declared any more";
  if (kind != "Node") return kind + " " + name;
  return "link to " + name + ", group " + std::to_string(user.number("group"));
}

std::vector<User> users_of(const nlohmann::json& answer) {
  std::vector<User> users;
  for (const auto& node : answer.at("nodes"))
    for (const auto& row : node.at("users")) users.push_back({word_in(node, "node"), row});
  std::ranges::stable_sort(users, std::ranges::greater(), &User::weight);
  return users;
}

std::string percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? "-" : std::to_string(part * 100 / whole) + " %";
}

void print_fullness(const nlohmann::json& answer) {
  Table table({"NODE", "FLOWS", "OF", "FULL"});
  std::string silent;
  for (const auto& node : answer.at("nodes")) {
    const uint64_t flows = node.value("flows", uint64_t{0}),
                   capacity = node.value("capacity", uint64_t{0});
    const std::string name = word_in(node, "node");
    if (!node.value("reported", false)) {
      silent += (silent.empty() ? "" : ", ") + name;
      continue;
    }
    const bool is_full = flows * 10 >= capacity * 9;
    table.add({name, std::to_string(flows), std::to_string(capacity),
               Cell(percent(flows, capacity), is_full ? Colour::kRed : Colour::kNone)});
  }
  if (!table.empty()) table.print(std::cout);
  if (!silent.empty()) std::cout << "Not reported, so not counted here: " << silent << "\n";
}

// CLI11 gives an option that stands without its value the word "true".
std::optional<size_t> top_of(const std::string& top) {
  if (top == "true") return 10;
  size_t number = 0;
  const auto [end, fault] = std::from_chars(top.data(), top.data() + top.size(), number);
  if (fault != std::errc() || end != top.data() + top.size()) return std::nullopt;
  return number >= 1 && number <= kMostUsers ? std::optional(number) : std::nullopt;
}

void flows(const Context& context, size_t most) {
  auto answer = context.get("/v1/flows");
  std::vector<User> users = users_of(answer);
  users.resize(std::min(users.size(), most));
  if (!context.is_table()) {
    for (auto& node : answer.at("nodes")) node.erase("users");
    answer["users"] = nlohmann::json::array();
    for (User& user : users) {
      user.row["node"] = user.node;
      answer["users"].push_back(std::move(user.row));
    }
    return context.print(answer);
  }
  print_fullness(answer);
  if (users.empty()) return;
  Table table({"NODE", "FROM", "VPC", "FLOWS", "HALF-OPEN", "NEW/S", "REFUSED", "EVICTED"});
  table.may_leave_out("VPC");
  for (const User& user : users) {
    const auto cell = [&](const char* key) {
      return Cell(std::to_string(user.number(key)),
                  user.number(key) > 0 ? Colour::kRed : Colour::kNone);
    };
    table.add({user.node, user_name(user), word_in(user.row, "vpc"),
               std::to_string(user.number("flows")), std::to_string(user.number("weak")),
               std::to_string(user.number("opened_last_second")), cell("refused"),
               cell("evicted")});
  }
  std::cout << "\n";
  table.print(std::cout);
}

}  // namespace

void add_flow_commands(CLI::App& app, Context& context) {
  const auto top = std::make_shared<std::string>();
  auto* show = app.add_subcommand(
      "flows", "Who holds and opens how many flows: instances, offices and links");
  show->add_option("--top", *top, "only so many, those with most first; 10 unless said")
      ->type_name("N")
      ->expected(0, 1)
      ->check(CLI::Validator(
          [](const std::string& text) {
            return top_of(text) ? std::string() : "--top takes a number from 1 to 1000";
          },
          ""));
  show->footer(
      "Examples:\n  farspan flows --top\n  farspan flows --top 3 -o json\nHALF-OPEN flows are "
      "opening, one-way or closing: where they are many, it is a flood.\nREFUSED are new flows "
      "that got no entry, EVICTED those that made room for others.");
  show->callback([top, &context] {
    flows(context, top->empty() ? kMostUsers : top_of(*top).value_or(kMostUsers));
  });
}

}  // namespace farspan::cli
