// SPDX-License-Identifier: Apache-2.0
// explain: what a kind or a field means, without asking a controller.
#include <iostream>
#include <memory>

#include "farspan/cli/context.h"
#include "farspan/documents/explain.h"
#include "farspan/documents/outline.h"

namespace farspan::cli {
namespace {

void list_kinds() {
  for (const auto& kind : documents::kind_outlines())
    std::cout << kind.kind << "\n  " << kind.says << "\n";
}

}  // namespace

void add_explain_command(CLI::App& app) {
  struct Wanted {
    std::string topic;
    bool is_reference = false;
  };
  auto wanted = std::make_shared<Wanted>();
  auto* command = app.add_subcommand("explain", "Say what a kind or a field means, and its limits");
  command->add_option("topic", wanted->topic, "a kind, or a field of one; none: all kinds")
      ->type_name("KIND[.FIELD]");
  command->add_flag("--reference", wanted->is_reference, "everything, as docs/resources.md");
  command->footer(
      "Examples:\n  farspan explain\n  farspan explain vpn-route\n  farspan explain "
      "ipsec-connection.ike.encryption");
  command->callback([wanted] {
    if (wanted->is_reference) {
      std::cout << documents::reference_markdown();
    } else if (wanted->topic.empty()) {
      list_kinds();
    } else {
      const auto text = documents::explain(wanted->topic);
      if (!text) fail(text.error());
      std::cout << *text;
    }
  });
}

}  // namespace farspan::cli
