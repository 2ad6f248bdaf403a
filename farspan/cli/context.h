// SPDX-License-Identifier: Apache-2.0
// Context: what every command shares: which controller, which output, how failure ends.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/cli/rest/client.h"

namespace farspan::cli {

/// Exit codes, the same for every command (help of `farspan` lists them).
enum ExitCode : int {
  kExitOk = 0,
  kExitRefused = 1,  // the request is wrong, or a check found a difference
  kExitUsage = 2,    // the command line is wrong
  kExitNotFound = 3,
  kExitUnavailable = 4,  // controller, lab or a program does not answer
};

/// Thrown to end a command; caught in main only, so that callbacks of the command-line parser stay
/// short.
struct Exit {
  ExitCode code;
};

struct Context {
  std::string controller;        // --controller: a socket's path, a context's name or its URL
  std::string output = "table";  // -o: table, json, yaml

  bool is_table() const { return output == "table"; }
  /// The controller's client. Ends the command when there is none.
  RestClient client() const;
  /// GETs `target`; ends the command with the refusal's words when it is refused.
  nlohmann::json get(const std::string& target) const;
  /// Sends `body`; ends the command with every fault when it is refused.
  nlohmann::json send(const std::string& method, const std::string& target,
                      const std::string& body) const;
  /// Prints `json` as -o asks. @pre !is_table()
  void print(const nlohmann::json& json) const;
};

/// Prints every fault on standard error and ends the command.
[[noreturn]] void fail(const Errors& errors);
[[noreturn]] void fail(const Error& error);

/// The YAML of `json`, keys in their order.
std::string to_yaml(const nlohmann::json& json);

/// "3 min 12 s"; the two largest units.
std::string duration_text(uint64_t seconds);
/// "1.4 MiB"
std::string bytes_text(uint64_t bytes);

/// The text of the file `path`, `-` for standard input.
std::string read_text(const std::string& path);

/// The resources of every file as one body for the controller, which tells the faults of each by
/// its name; of a directory its *.yaml, *.yml and *.json in order of names, without the lab.yaml of
/// `farspan lab`.
std::string read_documents(const std::vector<std::string>& paths);

/// -f FILE of a command that prints a secret.
void add_secret_file_option(CLI::App* command, std::string& file);
/// Writes `text`, which has a secret, to `file` (mode 0600 from the first byte on; replaces what
/// was there), or to standard output when `file` is empty. Ends the command when that fails.
void write_secret(const std::string& file, const std::string& text);

// Each adds its commands to the application.
void add_change_commands(CLI::App& app, Context& context);  // apply, plan, delete, rename
void add_get_commands(CLI::App& app, Context& context);     // get, describe, version, watch
void add_network_commands(CLI::App& app,
                          Context& context);                // routes, tunnels, reach, drops, export
void add_flow_commands(CLI::App& app, Context& context);    // flows
void add_node_commands(CLI::App& app, Context& context);    // nodes, drops, enrol, revoke
void add_login_commands(CLI::App& app, Context& context);   // login, context, ca
void add_access_commands(CLI::App& app, Context& context);  // token, audit, whoami
void add_lab_commands(CLI::App& app, Context& context);     // lab …
void add_explain_command(CLI::App& app);                    // explain
void add_completion_command(CLI::App& app, Context& context);  // completion

/// The hosts of the one lab that is up; none when there is none.
std::vector<std::string> lab_hosts();

}  // namespace farspan::cli
