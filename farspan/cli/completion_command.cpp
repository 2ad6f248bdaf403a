// SPDX-License-Identifier: Apache-2.0
// completion: a bash script that completes commands, options, kinds, and the names of what is
// declared.
#include <iostream>

#include "farspan/cli/context.h"
#include "farspan/documents/explain.h"
#include "farspan/model/kind_names.h"

namespace farspan::cli {
namespace {

// "name name …" of the subcommands and long options of `command`.
std::string words_of(const CLI::App& command) {
  std::string words;
  for (const auto* sub : command.get_subcommands([](const CLI::App*) { return true; }))
    words += sub->get_name() + " ";
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) words += "--" + name + " ";
  }
  return words;
}

void print_cases(const CLI::App& command, const std::string& path) {
  std::cout << "    '" << path << "') words='" << words_of(command) << "' ;;\n";
  for (const auto* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
    print_cases(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name());
  }
}

std::string kinds() {
  std::string words = "all";
  for (const auto& name : model::kind_names()) words += " " + std::string(name.singular);
  return words;
}

std::string topics() {
  std::string words;
  for (const std::string& topic : documents::explain_topics()) words += topic + " ";
  return words;
}

}  // namespace

void add_completion_command(CLI::App& app) {
  auto* command = app.add_subcommand("completion", "Print a completion script for bash");
  command->footer(
      "Examples:\n  source <(farspan completion)\n  farspan completion > "
      "/etc/bash_completion.d/farspan");
  command->callback([&app] {
    std::cout
        << "# bash completion of farspan; source it or put it into /etc/bash_completion.d\n"
           "_farspan() {\n"
           "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path='' "
           "words='' word\n"
           "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do [[ $word == -* ]] || "
           "path+=\"${path:+ }$word\"; done\n"
           "  case $previous in\n"
           "    -f|--file) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
           "    --protocol) COMPREPLY=($(compgen -W 'icmp tcp udp' -- \"$current\")); return ;;\n"
           "    --format) COMPREPLY=($(compgen -W 'swanctl json' -- \"$current\")); return ;;\n"
           "    -o|--output) COMPREPLY=($(compgen -W 'table json yaml' -- \"$current\")); return "
           ";;\n"
           "  esac\n"
           "  case $path in\n"
           "    'get'|'describe'|'delete') words='"
        << kinds() << "' ;;\n    'explain') words='--reference " << topics()
        << "' ;;\n"
           "    'get '*|'describe '*|'delete '*) words=$(farspan get \"${path#* }\" 2>/dev/null | "
           "awk 'NR > 1 { print $1 }') ;;\n"
           "    'enrol'|'revoke') words=$(farspan get node 2>/dev/null | awk 'NR > 1 { print $1 "
           "}') ;;\n"
           "    'reach'|'reach '*) words=\"--protocol --port $({ farspan get instance; farspan get "
           "ipsec-connection; } 2>/dev/null | awk '$1 != \"NAME\" { print $1 }')\" ;;\n"
           "    'routes') words=$(farspan get vpc 2>/dev/null | awk 'NR > 1 { print $1 }') ;;\n"
           "    'export') words='ipsec-connection' ;;\n"
           "    'export ipsec-connection') words=$(farspan get ipsec-connection 2>/dev/null | awk "
           "'NR > 1 { print $1 }') ;;\n"
           "    'lab up') COMPREPLY=($(compgen -d -- \"$current\")); return ;;\n"
           "    'lab exec'|'lab load') words=$(farspan lab status 2>/dev/null | sed -n 's/^Hosts: "
           "//p') ;;\n";
    print_cases(app, "");
    std::cout << "  esac\n"
                 "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                 "}\n"
                 "complete -F _farspan farspan\n";
  });
}

}  // namespace farspan::cli
