// SPDX-License-Identifier: Apache-2.0
// token, audit, whoami: who may do what, and who did.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "farspan/base/utc.h"
#include "farspan/cli/context.h"
#include "farspan/cli/table.h"

namespace farspan::cli {
namespace {

constexpr int64_t kDay = 24 * 3600 * 1000;

// "90d", "12h", "30m" in milliseconds.
std::optional<int64_t> parse_span(const std::string& text) {
  if (text.size() < 2 || text.size() > 7) return std::nullopt;
  int64_t number = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = 10 * number + (c - '0');
  }
  switch (text.back()) {
    case 'd':
      return number * kDay;
    case 'h':
      return number * 3600 * 1000;
    case 'm':
      return number * 60 * 1000;
    default:
      return std::nullopt;
  }
}

// What was given for a time as the controller takes it: `sign` times the span away from now, or the
// time itself.
std::string time_of(const char* option, const std::string& text, int sign) {
  if (const auto span = parse_span(text))
    return utc_text(milliseconds_of(std::chrono::system_clock::now()) + sign * *span);
  if (parse_utc(text)) return text;
  throw CLI::ValidationError(option, "takes 90d, 12h, 30m, 2026-11-30 or 2026-11-30T22:38:32Z");
}

// "2026-11-30 22:38:32": UTC, as the header says.
std::string short_time(const nlohmann::json& row, const char* name) {
  if (!row.at(name).is_string()) return "never";
  std::string text = row.at(name).get<std::string>().substr(0, 19);
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text;
}

struct TokenWanted {
  std::string name, role = "viewer", expires, file;
};

void create_token(const Context& context, const TokenWanted& wanted) {
  std::string target =
      "/v1/tokens?name=" + url_encoded(wanted.name) + "&role=" + url_encoded(wanted.role);
  if (!wanted.expires.empty())
    target += "&expires_at=" + url_encoded(time_of("--expires", wanted.expires, +1));
  const auto answer = context.send("POST", target, "");
  if (!context.is_table()) return write_secret(wanted.file, answer.dump(2) + "\n");
  write_secret(wanted.file, answer.at("token").get<std::string>() + "\n");
  std::cerr << "Token " << wanted.name << " (" << wanted.role << ") can be used from now on"
            << (wanted.file.empty() ? "; this is the only time it is shown.\n" : ".\n");
}

void list_tokens(const Context& context) {
  const auto answer = context.get("/v1/tokens");
  if (!context.is_table()) return context.print(answer);
  Table table({"NAME", "ROLE", "MADE BY", "MADE (UTC)", "ENDS (UTC)"});
  table.may_leave_out("MADE (UTC)");
  for (const auto& token : answer.at("tokens"))
    table.add({token.at("name").get<std::string>(), token.at("role").get<std::string>(),
               token.at("created_by").get<std::string>(), short_time(token, "created_at"),
               short_time(token, "expires_at")});
  if (table.empty()) {
    std::cout << "There is no token; `farspan token create NAME` makes one.\n";
    return;
  }
  table.print(std::cout);
}

struct AuditWanted {
  std::string who, action, kind, name, since;
  size_t limit = 50;
};

// The newest rows that were asked for, from as many pages as it takes.
nlohmann::json audit_rows(const Context& context, const AuditWanted& wanted) {
  std::string asked;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) asked += std::string("&") + name + "=" + url_encoded(value);
  };
  add("who", wanted.who);
  add("action", wanted.action);
  add("kind", wanted.kind);
  add("name", wanted.name);
  if (!wanted.since.empty()) add("since", time_of("--since", wanted.since, -1));
  nlohmann::json rows = nlohmann::json::array();
  std::string next;
  do {
    const size_t left = std::min<size_t>(wanted.limit - rows.size(), 1000);
    auto page = context.get("/v1/audit?limit=" + std::to_string(left) + asked +
                            (next.empty() ? "" : "&continue=" + url_encoded(next)));
    for (auto& row : page.at("rows")) rows.push_back(std::move(row));
    next = page.value("continue", "");
  } while (!next.empty() && rows.size() < wanted.limit);
  return rows;
}

// What an update changed; of what was made or is gone -o json has all.
std::string change_text(const nlohmann::json& row) {
  if (row.at("action") != "update") return "";
  std::string text;
  for (const auto& field : row.at("fields")) {
    const auto shown = [&](const char* side) {
      const std::string value = field.at(side);
      return value.empty() ? std::string("(nothing)") : value;
    };
    text += (text.empty() ? "" : "; ") + field.at("field").get<std::string>() + " " +
            shown("from") + " → " + shown("to");
  }
  return text;
}

void audit(const Context& context, const AuditWanted& wanted) {
  const auto rows = audit_rows(context, wanted);
  if (!context.is_table()) return context.print({{"rows", rows}});
  if (rows.empty()) {
    std::cout << "Nothing that fits was done.\n";
    return;
  }
  Table table({"WHEN (UTC)", "WHO", "FROM", "ACTION", "WHAT", "CHANGED"});
  table.may_stand_below("CHANGED");
  table.may_leave_out("FROM");
  for (const auto& row : rows)
    table.add({short_time(row, "at"), row.at("who").get<std::string>(),
               row.at("from").get<std::string>(), row.at("action").get<std::string>(),
               row.at("kind").get<std::string>() + " " + row.at("name").get<std::string>(),
               change_text(row)});
  table.print(std::cout);
}

void add_token_commands(CLI::App& app, Context& context) {
  auto* tokens = app.add_subcommand(
      "token", "What people and programs elsewhere log in with: create, list, revoke");
  tokens->require_subcommand(1);
  tokens->footer(
      "Examples:\n  farspan token create ann --role operator -f ann.token\n  farspan token list");
  auto wanted = std::make_shared<TokenWanted>();
  auto* create = tokens->add_subcommand("create", "Make a token, and print its secret this once");
  create->add_option("name", wanted->name, "of the token, as it stands in the audit")
      ->required()
      ->type_name("NAME");
  create
      ->add_option("--role", wanted->role,
                   "viewer sees, operator changes, admin says who may do what")
      ->capture_default_str()
      ->check(CLI::IsMember({"viewer", "operator", "admin"}))
      ->type_name("ROLE");
  create
      ->add_option("--expires", wanted->expires,
                   "in 90d, 12h, 30m, or at a date; never unless given")
      ->type_name("WHEN");
  add_secret_file_option(create, wanted->file);
  create->footer(
      "Example:\n  farspan token create ci --role operator --expires 90d -f ci.token\nWith it: "
      "farspan login https://… --token-file ci.token");
  create->callback([wanted, &context] { create_token(context, *wanted); });

  auto* list = tokens->add_subcommand("list", "Which there are, and what each may do");
  list->footer("Example:\n  farspan token list");
  list->callback([&context] { list_tokens(context); });

  auto* revoke = tokens->add_subcommand("revoke", "Take a token back, from this moment on");
  revoke->add_option("name", wanted->name, "")->required()->type_name("NAME");
  revoke->footer("Example:\n  farspan token revoke ci");
  revoke->callback([wanted, &context] {
    const auto answer = context.send("DELETE", "/v1/tokens/" + url_encoded(wanted->name), "");
    if (!context.is_table()) return context.print(answer);
    std::cout << "Token " << wanted->name << " is worth nothing from now on.\n";
  });
}

}  // namespace

void add_access_commands(CLI::App& app, Context& context) {
  add_token_commands(app, context);

  auto wanted = std::make_shared<AuditWanted>();
  auto* show = app.add_subcommand("audit", "Who did what, from where and when; the newest first");
  show->add_option("--who", wanted->who, "part of a name, such as root or token ci")
      ->type_name("NAME");
  show->add_option("--action", wanted->action,
                   "create, update, rename, delete, revoke, enrol or export")
      ->type_name("WORD");
  show->add_option("--kind", wanted->kind, "of what it was done to; also token")->type_name("KIND");
  show->add_option("--name", wanted->name, "of what it was done to")->type_name("NAME");
  show->add_option("--since", wanted->since, "90d, 12h, 30m, or a date or time in UTC")
      ->type_name("WHEN");
  show->add_option("--limit", wanted->limit, "rows at most")
      ->capture_default_str()
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  show->footer(
      "Examples:\n  farspan audit --since 2h\n  farspan audit --kind ipsec-connection --name "
      "office-1 -o json");
  show->callback([wanted, &context] { audit(context, *wanted); });

  auto* who = app.add_subcommand("whoami", "As whom the controller knows you, and what you may do");
  who->footer("Example:\n  farspan whoami");
  who->callback([&context] {
    const auto answer = context.get("/v1/whoami");
    if (!context.is_table()) return context.print(answer);
    std::cout << visible(answer.value("name", "")) << ", " << answer.value("role", "") << ", from "
              << visible(answer.value("from", "")) << "\n";
  });
}

}  // namespace farspan::cli
