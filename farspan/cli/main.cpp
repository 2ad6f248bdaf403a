// SPDX-License-Identifier: Apache-2.0
// farspan: the command line. Which commands there are, and how one ends.
#include <iostream>
#include <string_view>

#include "farspan/cli/context.h"
#include "farspan/cli/table.h"

namespace {

// `farspan get vpc "$NAME"` with an unset NAME must not mean every vpc. What stands behind "--" is
// a command of its own.
void refuse_empty_words(int argc, char** argv) {
  for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i)
    if (*argv[i] == '\0') throw CLI::ValidationError("word " + std::to_string(i), "is empty");
}

}  // namespace

int main(int argc, char** argv) {
  using namespace farspan::cli;
  CLI::App app{"Farspan: a global enterprise network on your own machines"};
  app.name("farspan");
  app.require_subcommand(1);
  app.fallthrough();  // options such as -o may stand behind the subcommand
  app.footer(
      "Exit codes: 0 done, 1 refused or different from what is declared, 2 wrong command line, 3 "
      "not found, 4 no answer.\n"
      "Start here: farspan lab up examples/global-offices");

  Context context;
  app.add_option("--controller", context.controller,
                 "the controller's API socket (also FARSPAN_CONTROLLER)")
      ->type_name("PATH");
  app.add_option("-o,--output", context.output, "table, json or yaml")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->type_name("FORMAT");
  add_change_commands(app, context);
  add_get_commands(app, context);
  add_network_commands(app, context);
  add_node_commands(app, context);
  add_lab_commands(app, context);
  add_explain_command(app);
  add_completion_command(app);

  try {
    refuse_empty_words(argc, argv);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  } catch (const Exit& exit) {
    return exit.code;
  }
  return kExitOk;
}
