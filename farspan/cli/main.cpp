// SPDX-License-Identifier: Apache-2.0
// farspan: the command line. Which commands there are, and how one ends.
#include <algorithm>
#include <iostream>
#include <string_view>

#include "farspan/base/version.h"
#include "farspan/cli/context.h"
#include "farspan/cli/table.h"
#include "farspan/model/kind_names.h"

namespace {

// `farspan get vpc "$NAME"` with an unset NAME must not mean every vpc. What stands behind "--" is
// a command of its own.
void refuse_empty_words(int argc, char** argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i)
    if (*argv[i] == '\0') throw CLI::ValidationError("word " + std::to_string(i), "is empty");
}

// `farspan help lab up` is `farspan lab up --help`.
void ask_for_help(std::vector<std::string>& words) {
  words.erase(words.begin());
  words.push_back("--help");
}

// A mistyped command is named, and the one that was probably meant.
void refuse_unknown_command(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty() || words.front().starts_with('-')) return;
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  if (std::ranges::find(names, words.front()) != names.end()) return;
  const auto meant = farspan::model::nearest(words.front(), names);
  throw CLI::ValidationError(words.front(), meant ? "is no command; did you mean " + *meant + "?"
                                                  : "is no command; `farspan --help` lists them");
}

}  // namespace

int main(int argc, char** argv) {
  using namespace farspan::cli;
  CLI::App app{"Farspan: a global enterprise network on your own machines"};
  app.name("farspan");
  app.set_version_flag("--version", std::string("farspan ") + farspan::kVersion, "");
  app.fallthrough();  // options such as -o may stand behind the subcommand
  app.footer(
      "Exit codes: 0 done, 1 refused or different from what is declared, 2 wrong command line, 3 "
      "not found, 4 no answer.\n"
      "Start here: farspan lab up examples/global-offices");

  Context context;
  app.add_option("--controller", context.controller,
                 "a context, its URL, or the path of an API socket (also FARSPAN_CONTROLLER)")
      ->type_name("WHICH");
  app.add_option("-o,--output", context.output, "table, json or yaml")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->type_name("FORMAT");
  add_change_commands(app, context);
  add_get_commands(app, context);
  add_network_commands(app, context);
  add_flow_commands(app, context);
  add_node_commands(app, context);
  add_login_commands(app, context);
  add_access_commands(app, context);
  add_lab_commands(app, context);
  add_explain_command(app);
  add_completion_command(app, context);

  try {
    refuse_empty_words(argc, argv);
    std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && words.front() == "help") ask_for_help(words);
    refuse_unknown_command(app, words);
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app.parse(std::move(words));
    if (app.get_subcommands().empty()) {
      std::cout << app.help();
      return kExitUsage;
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  } catch (const Exit& exit) {
    return exit.code;
  }
  return kExitOk;
}
