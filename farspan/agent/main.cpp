// SPDX-License-Identifier: Apache-2.0
// farspan-agent: makes one node equal to what the controller says it shall be, and reports.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>

#include "farspan/agent/agent.h"
#include "farspan/base/version.h"

int main(int argc, char** argv) {
  farspan::agent::AgentSettings settings;
  CLI::App app{
      "The node side of Farspan: applies the controller's state to this node and reports what is "
      "in force."};
  app.set_version_flag("--version", std::string("farspan-agent ") + farspan::kVersion);
  app.add_option("--node", settings.node, "Name of this Node resource")->required();
  app.add_option("--run-dir", settings.run_directory, "Where tables.sock and charon.vici are")
      ->required();
  app.add_option("--state-dir", settings.state_directory,
                 "Where this node's state and key are kept")
      ->required();
  app.add_option("--controller", settings.controller, "HOST:PORT of the controller's node service")
      ->required();
  app.add_option("--enrol", settings.bundle_path,
                 "Enrolment bundle; it is deleted once it was used");
  CLI11_PARSE(app, argc, argv);

  spdlog::set_default_logger(spdlog::stderr_logger_mt("agent"));
  spdlog::flush_on(spdlog::level::info);
  ::mkdir(settings.state_directory.c_str(),
          0700);  // an existing one is fine; a missing one shows when it is written
  farspan::agent::run_agent(settings);
  return 0;
}
