// SPDX-License-Identifier: Apache-2.0
// completion: what a shell offers while a command is typed: commands, options, kinds, and the names
// of what is declared, asked of the controller that the commands mean.
//
// The shells' scripts only ask `farspan complete -- WORD…` (not in the help) which words fit; all
// else is here, the same for each of them. Where nothing fits they offer files.
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "farspan/cli/context.h"
#include "farspan/cli/contexts.h"
#include "farspan/documents/explain.h"
#include "farspan/model/kind_names.h"

namespace farspan::cli {
namespace {

using Words = std::vector<std::string>;

constexpr const char* kBash =
    "# bash completion of farspan; source it or put it into /etc/bash_completion.d\n"
    "_farspan() {\n"
    "  mapfile -t COMPREPLY < <(farspan complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
    "2>/dev/null)\n"
    "}\n"
    "complete -o default -F _farspan farspan\n";

constexpr const char* kZsh =
    "#compdef farspan\n"
    "# zsh completion of farspan; source it, or put it into a directory of $fpath as _farspan\n"
    "_farspan() {\n"
    "  local -a fitting\n"
    "  fitting=(\"${(@f)$(farspan complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "  fitting=(${fitting:#})\n"
    "  if (( $#fitting )); then compadd -- $fitting; else _files; fi\n"
    "}\n"
    "if [[ $funcstack[1] == _farspan ]]; then _farspan; else compdef _farspan farspan; fi\n";

constexpr const char* kFish =
    "# fish completion of farspan; source it, or put it into "
    "~/.config/fish/completions/farspan.fish\n"
    "function __farspan_fitting\n"
    "  set -l words (commandline -opc) (commandline -ct)\n"
    "  farspan complete -- $words[2..-1] 2>/dev/null\n"
    "end\n"
    "complete -c farspan -n 'count (__farspan_fitting) >/dev/null' -f -a '(__farspan_fitting)'\n";

Words kinds() {
  Words words;
  for (const auto& name : model::kind_names()) words.emplace_back(name.singular);
  return words;
}

Words and_all(Words words) {
  words.emplace_back("all");
  return words;
}

// The member `name` of each row of what the controller lists at `target`.
Words listed(const Context& context, const std::string& target, const char* list,
             const char* name) {
  Words words;
  const auto answer = context.get(target);
  for (const auto& row : answer.at(list)) words.push_back(row.at(name).get<std::string>());
  return words;
}

Words names_of(const Context& context, const std::string& kind) {
  if (!model::kind_from(kind)) return {};
  return listed(context, "/v1/resources/" + url_encoded(kind), "items", "name");
}

Words endpoints(const Context& context) {
  Words words = names_of(context, "Instance");
  for (auto& name : names_of(context, "IpsecConnection")) words.push_back(std::move(name));
  return words;
}

Words contexts() {
  Words words = {"local"};
  if (const auto known = Contexts::load())
    for (const auto& [name, address] : known->by_name) words.push_back(name);
  return words;
}

// What may stand behind the option `name`.
Words values_of(const std::string& name) {
  static const std::map<std::string, Words> kValues = {{"-o", {"table", "json", "yaml"}},
                                                       {"--output", {"table", "json", "yaml"}},
                                                       {"--protocol", {"icmp", "tcp", "udp"}},
                                                       {"--format", {"swanctl", "json"}},
                                                       {"--role", {"viewer", "operator", "admin"}}};
  if (name == "--kind") return kinds();
  if (name == "--controller") return contexts();
  const auto found = kValues.find(name);
  return found == kValues.end() ? Words() : found->second;
}

// What may stand as argument number `given.size()` of `command`.
Words arguments_of(const Context& context, const std::string& command, const Words& given) {
  if (command == "get" && given.empty()) return and_all(kinds());
  if (command == "get" || command == "describe" || command == "delete" || command == "rename") {
    const bool takes_more = given.size() == 1 || command == "delete";
    if (given.empty()) return kinds();
    return takes_more ? names_of(context, given.front()) : Words();
  }
  if (command == "export")
    return given.empty() ? Words{"ipsec-connection"} : names_of(context, "IpsecConnection");
  if (command == "reach" && given.size() < 2) return endpoints(context);
  if (command == "explain") return documents::explain_topics();
  if (!given.empty()) return {};
  if (command == "lab exec" || command == "lab load") return lab_hosts();
  if (command == "enrol" || command == "revoke") return names_of(context, "Node");
  if (command == "routes") return names_of(context, "Vpc");
  if (command == "token revoke") return listed(context, "/v1/tokens", "tokens", "name");
  if (command == "context use" || command == "context remove") return contexts();
  if (command == "completion") return {"bash", "zsh", "fish"};
  return {};
}

// The command that `words` begin with, and what is behind it.
struct Typed {
  const CLI::App* command = nullptr;
  std::string path;  // "token revoke"
  Words arguments;
};

Typed typed(const CLI::App& app, const Words& words) {
  Typed typed{&app, "", {}};
  bool is_value = false;  // of the option before it
  for (const std::string& word : words) {
    if (std::exchange(is_value, false)) continue;
    if (word.starts_with('-')) {
      const auto* option = typed.command->get_option_no_throw(word);
      if (option == nullptr) option = app.get_option_no_throw(word);
      is_value = option != nullptr && option->get_expected_max() > 0;
      continue;
    }
    const auto called_so = typed.command->get_subcommands(
        [&](const CLI::App* one) { return one->get_name() == word; });
    if (called_so.empty() || !typed.arguments.empty()) {
      typed.arguments.push_back(word);
      continue;
    }
    typed.command = called_so.front();
    typed.path += (typed.path.empty() ? "" : " ") + word;
  }
  return typed;
}

Words options_of(const CLI::App& command) {
  Words words;
  for (const auto* option : command.get_options())
    for (const auto& name : option->get_lnames()) words.push_back("--" + name);
  return words;
}

// What fits as the last of `words`.
Words fitting(const Context& context, const CLI::App& app, Words words) {
  if (words.empty()) return {};
  const std::string last = std::move(words.back());
  words.pop_back();
  Words candidates;
  const bool is_value = !words.empty() && words.back().starts_with('-');
  if (is_value) candidates = values_of(words.back());
  const Typed typed = cli::typed(app, words);
  const auto* option = is_value ? typed.command->get_option_no_throw(words.back()) : nullptr;
  const bool is_file = option != nullptr && option->get_expected_max() > 0 && candidates.empty();
  if (!is_file && candidates.empty()) {
    if (last.starts_with('-')) {
      candidates = options_of(*typed.command);
    } else {
      for (const auto* sub : typed.command->get_subcommands(
               [](const CLI::App* one) { return !one->get_group().empty(); }))
        if (typed.arguments.empty()) candidates.push_back(sub->get_name());
      for (auto& word : arguments_of(context, typed.path, typed.arguments))
        candidates.push_back(std::move(word));
    }
  }
  std::erase_if(candidates, [&](const std::string& word) { return !word.starts_with(last); });
  return candidates;
}

}  // namespace

void add_completion_command(CLI::App& app, Context& context) {
  auto shell = std::make_shared<std::string>("bash");
  auto* command = app.add_subcommand("completion", "Print a completion script for a shell");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->capture_default_str()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  command->footer(
      "Examples:\n  source <(farspan completion)\n  farspan completion zsh > "
      "~/.zsh/functions/_farspan\n  farspan completion fish | source");
  command->callback([shell] {
    std::cout << (*shell == "zsh" ? kZsh : *shell == "fish" ? kFish : kBash);
  });

  auto words = std::make_shared<Words>();
  auto* complete = app.add_subcommand("complete", "")->group("");
  complete->add_option("words", *words, "");
  complete->callback([words, &app, &context] {
    for (const std::string& word : fitting(context, app, *words)) std::cout << word << "\n";
  });
}

}  // namespace farspan::cli
