// SPDX-License-Identifier: Apache-2.0
// apply, plan, delete, rename: what changes the declared network, and what would.
#include <unistd.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "farspan/cli/context.h"
#include "farspan/cli/table.h"

namespace farspan::cli {
namespace {

Colour colour_of(const std::string& action) {
  if (action == "create") return Colour::kGreen;
  if (action == "update") return Colour::kYellow;
  if (action == "rename") return Colour::kYellow;
  return action == "delete" ? Colour::kRed : Colour::kDim;
}

std::string shown(const nlohmann::json& value) {
  const std::string text = value;
  return text.empty() ? "(nothing)" : text;
}

// "IKE lifetime 86400 → 3600; pre-shared key (secret) → (secret)"
std::string why(const nlohmann::json& reasons) {
  std::string text;
  for (const auto& reason : reasons)
    text += (text.empty() ? "" : "; ") + reason.at("field").get<std::string>() + " " +
            shown(reason.at("from")) + " → " + shown(reason.at("to"));
  return text;
}

// What is written in a resource now, and would be.
void print_fields(const nlohmann::json& changes) {
  Table table({"RESOURCE", "FIELD", "OLD", "NEW"});
  for (const auto& change : changes) {
    std::string resource =
        change.at("kind").get<std::string>() + " " + change.at("name").get<std::string>();
    for (const auto& field : change.value("fields", nlohmann::json::array())) {
      table.add({resource, field.at("field").get<std::string>(),
                 Cell(shown(field.at("from")), Colour::kRed),
                 Cell(shown(field.at("to")), Colour::kGreen)});
      resource.clear();  // once for all its fields
    }
  }
  if (table.empty()) return;
  std::cout << "\n";
  table.print(std::cout);
}

void print_tunnels(const nlohmann::json& tunnels, bool is_plan) {
  Table table({"TUNNEL", "NODE", is_plan ? "WOULD BE" : "IS", "BECAUSE OF"});
  table.may_stand_below("BECAUSE OF");
  for (const auto& tunnel : tunnels) {
    const std::string action = tunnel.at("action");
    const bool is_cut = action != "make";
    table.add({tunnel.at("tunnel").get<std::string>(), tunnel.at("node").get<std::string>(),
               Cell(action == "make"      ? "made"
                    : action == "rebuild" ? "cut and made anew"
                                          : "ended",
                    is_cut ? Colour::kRed : Colour::kGreen),
               why(tunnel.at("reasons"))});
  }
  if (table.empty()) return;
  std::cout << "\n";
  table.print(std::cout);
}

void print_nodes(const nlohmann::json& nodes) {
  Table table({"NODE", "ROWS ADDED", "CHANGED", "REMOVED"});
  for (const auto& node : nodes)
    table.add({node.at("node").get<std::string>(), node.at("added").dump(),
               node.at("changed").dump(), node.at("removed").dump()});
  if (table.empty()) return;
  std::cout << "\n";
  table.print(std::cout);
}

void print_warnings(const nlohmann::json& answer) {
  for (const auto& warning : answer.value("warnings", nlohmann::json::array())) {
    print_note(std::cout,
               "warning: " + warning.value("resource", "") + ": " + warning.value("field", "") +
                   " " + warning.value("what", "") + "; " + warning.value("remedy", ""),
               Colour::kYellow);
  }
}

// The changes by resource and what they mean for tunnels and nodes; `is_plan` when nothing was
// done.
void print_changes(const Context& context, const nlohmann::json& answer, bool is_plan) {
  if (!context.is_table()) return context.print(answer);
  Table changes({"ACTION", "KIND", "NAME"});
  size_t moved = 0;
  for (const auto& change : answer.at("changes")) {
    const std::string action = change.at("action");
    moved += action == "unchanged" ? 0 : 1;
    changes.add({Cell(action, colour_of(action)), change.at("kind").get<std::string>(),
                 change.at("name").get<std::string>()});
  }
  changes.print(std::cout);
  print_fields(answer.at("changes"));
  print_tunnels(answer.at("tunnels"), is_plan);
  print_nodes(answer.at("nodes"));
  print_warnings(answer);
  std::cout << "\n"
            << (is_plan ? "Nothing was done. " : "") << moved
            << (moved == 1 ? " resource " : " resources ")
            << (is_plan ? "would change; planned on revision " : "changed; revision ")
            << answer.at("revision") << "\n";
}

struct Target {
  std::vector<std::string> files, names;
  std::optional<uint64_t> revision;
  bool is_dry_run = false, is_agreed = false, is_cascade = false;  // of delete

  std::string query() const {
    std::string text;
    if (is_cascade) text = "?cascade=true";
    if (revision)
      text += (text.empty() ? "?" : "&") + std::string("revision=") + std::to_string(*revision);
    return text;
  }
};

// On a terminal a person may be asked.
bool can_ask(const Context& context) {
  return context.is_table() && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
}

void add_revision_option(CLI::App* command, Target& target) {
  command
      ->add_option("--revision", target.revision,
                   "refuse when the network is not at this revision, such as the one of a plan")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
}

void add_file_option(CLI::App* command, Target& target) {
  command
      ->add_option("-f,--file", target.files,
                   "file or directory of YAML or JSON resources, - for standard input")
      ->type_name("PATH");
}

// The documents named on the command line, as a body for delete. The controller knows every
// spelling of a kind; its answer has the one that documents use.
std::string named_documents(const Context& context, const Target& target) {
  if (target.files.empty() == (target.names.size() < 2))
    throw CLI::ValidationError("delete", "takes KIND NAME…, or -f FILE");
  if (!target.files.empty()) return read_documents(target.files);
  std::string documents;
  for (size_t i = 1; i < target.names.size(); ++i) {
    const auto item = context.get("/v1/resources/" + url_encoded(target.names.front()) + "/" +
                                  url_encoded(target.names[i]));
    documents += "---\nkind: " + item.at("kind").get<std::string>() +
                 "\nname: " + item.at("name").get<std::string>() + "\n";
  }
  return documents;
}

// On a terminal a person sees what would go before it goes; the answer is for the revision that was
// shown.
void remove(const Context& context, Target target) {
  const std::string documents = named_documents(context, target);
  const bool asks =
      !target.is_agreed && can_ask(context) && target.files != std::vector<std::string>{"-"};
  if (target.is_cascade && !target.is_dry_run && !target.is_agreed && !asks)
    throw CLI::ValidationError(
        "--cascade",
        "deletes more than is named, and nobody can be asked here; look at --dry-run, "
        "then say --yes");
  if (target.is_dry_run || asks) {
    const auto plan = context.send(
        "POST", target.is_cascade ? "/v1/plan-delete?cascade=true" : "/v1/plan-delete", documents);
    print_changes(context, plan, true);
    if (target.is_dry_run) return;
    std::cout << "Delete? [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "yes") throw Exit{kExitRefused};
    if (!target.revision) target.revision = plan.at("revision").get<uint64_t>();
  }
  print_changes(context, context.send("POST", "/v1/delete" + target.query(), documents), false);
}

struct NewName {
  std::string kind, from, to;
  bool is_dry_run = false;
};

void rename(const Context& context, const NewName& wanted) {
  const std::string target = "/v1/resources/" + url_encoded(wanted.kind) + "/" +
                             url_encoded(wanted.from) + "/rename?to=" + url_encoded(wanted.to) +
                             (wanted.is_dry_run ? "&plan=true" : "");
  print_changes(context, context.send("POST", target, ""), wanted.is_dry_run);
}

}  // namespace

void add_change_commands(CLI::App& app, Context& context) {
  auto target = std::make_shared<Target>();

  auto* apply = app.add_subcommand("apply", "Create or update resources, all of them or none");
  add_file_option(apply, *target);
  apply->get_option("--file")->required();
  add_revision_option(apply, *target);
  apply->footer("Example:\n  farspan apply -f examples/global-offices/1-us-east.yaml");
  apply->callback([target, &context] {
    print_changes(
        context, context.send("POST", "/v1/apply" + target->query(), read_documents(target->files)),
        false);
  });

  auto* plan = app.add_subcommand("plan", "Show what apply would change, without doing it");
  add_file_option(plan, *target);
  plan->get_option("--file")->required();
  plan->footer("Example:\n  farspan plan -f examples/global-offices/4-publish.yaml");
  plan->callback([target, &context] {
    print_changes(context, context.send("POST", "/v1/plan", read_documents(target->files)), true);
  });

  auto* deletion = app.add_subcommand("delete", "Delete resources, all that are named or none");
  add_file_option(deletion, *target);
  add_revision_option(deletion, *target);
  deletion->add_flag("--dry-run", target->is_dry_run, "show what would go, without doing it");
  deletion->add_flag("--cascade", target->is_cascade,
                     "with what cannot be without it, which is listed first");
  deletion->add_flag("-y,--yes", target->is_agreed, "do not ask on a terminal");
  deletion->add_option("names", target->names, "kind, then one or more names")
      ->type_name("KIND NAME...");
  deletion->footer(
      "Examples:\n  farspan delete cen-route office-1\n  farspan delete --cascade --dry-run vpc "
      "us-east\n  farspan delete --dry-run -f examples/global-offices/4-publish.yaml");
  deletion->callback([target, &context] { remove(context, *target); });

  auto name = std::make_shared<NewName>();
  auto* renaming = app.add_subcommand(
      "rename", "Call a resource otherwise; what refers to it follows, and no tunnel is touched");
  renaming->add_option("kind", name->kind, "")->required()->type_name("KIND");
  renaming->add_option("old", name->from, "")->required()->type_name("OLD");
  renaming->add_option("new", name->to, "")->required()->type_name("NEW");
  renaming->add_flag("--dry-run", name->is_dry_run, "show what would change, without doing it");
  renaming->footer("Example:\n  farspan rename ipsec-connection office-1 munich");
  renaming->callback([name, &context] { rename(context, *name); });
}

}  // namespace farspan::cli
