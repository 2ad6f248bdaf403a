// SPDX-License-Identifier: Apache-2.0
// lab: up, status, exec, check, load, down.
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "farspan/cli/context.h"
#include "farspan/cli/table.h"
#include "farspan/lab/lab.h"
#include "farspan/lab/places.h"

namespace farspan::cli {
namespace {

// Prints each step when it begins and its time when the next one does.
class Steps {
 public:
  explicit Steps(bool is_shown) : is_shown_(is_shown) {}
  ~Steps() { end(); }
  void begin(const std::string& step) {
    end();
    begun_ = std::chrono::steady_clock::now();
    is_open_ = true;
    if (is_shown_) std::cout << "  " << step << " …" << std::flush;
  }

  void end() {
    if (!is_open_) return;
    is_open_ = false;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
    if (is_shown_)
      std::cout << " " << std::fixed << std::setprecision(1) << seconds << " s\n" << std::flush;
  }

 private:
  bool is_shown_;
  bool is_open_ = false;
  std::chrono::steady_clock::time_point begun_;
};

Cell matrix_cell(const lab::Pair& pair) {
  if (!pair.icmp.agrees() || !pair.tcp.agrees()) {
    std::string wrong;
    if (!pair.icmp.agrees()) wrong += pair.icmp.is_expected ? "no ping" : "pings!";
    if (!pair.tcp.agrees())
      wrong += std::string(wrong.empty() ? "" : " ") + (pair.tcp.is_expected ? "no tcp" : "tcp!");
    return {"✗ " + wrong, Colour::kRed};
  }
  if (pair.icmp.is_reached) {
    char text[32];
    std::snprintf(text, sizeof text, "✓ %.1f ms%s", pair.latency_milliseconds.value_or(0),
                  pair.tcp.is_reached ? "" : " (ping only)");
    return {text, Colour::kGreen};
  }
  return pair.tcp.is_reached ? Cell("✓ tcp only", Colour::kGreen) : Cell("· blocked", Colour::kDim);
}

void print_matrix(const lab::Matrix& matrix) {
  std::vector<std::string> header = {"FROM \\ TO"};
  for (const auto& host : matrix.hosts) header.push_back(host.name);
  Table table(header);
  for (const auto& from : matrix.hosts) {
    std::vector<Cell> row = {from.name};
    for (const auto& to : matrix.hosts) {
      if (from.name == to.name) {
        row.emplace_back("–", Colour::kDim);
        continue;
      }
      for (const auto& pair : matrix.pairs) {
        if (pair.from == from.name && pair.to == to.name) row.push_back(matrix_cell(pair));
      }
    }
    table.add(std::move(row));
  }
  table.print(std::cout);
  std::cout << "\nThe way each pair took (by TTL-limited echoes):\n";
  for (const auto& pair : matrix.pairs) {
    if (pair.path.empty()) continue;
    std::string path;
    for (const auto& place : pair.path) path += (path.empty() ? "  " : " ▸ ") + place;
    std::cout << path << "\n";
  }
  for (const auto& pair : matrix.pairs) {
    for (const auto& [name, probe] : {std::pair{"icmp", pair.icmp}, std::pair{"tcp", pair.tcp}}) {
      if (probe.agrees()) continue;
      std::cout << painted("✗ ", Colour::kRed) << pair.from << " → " << pair.to << " " << name
                << ": expected "
                << (probe.is_expected ? "to get through, and did not"
                                      : "to be blocked (" + probe.reason + "), and got through")
                << "\n";
    }
  }
  std::cout << "\n"
            << (matrix.agrees() ? painted("Every pair is as declared.", Colour::kGreen)
                                : painted("Some pairs are not as declared.", Colour::kRed))
            << "\n";
}

// Measures, prints, and ends the command with 1 when reality differs from what is declared.
void check(const Context& context, const lab::Lab& lab) {
  auto matrix = lab.check();
  if (!matrix) fail(matrix.error());
  if (context.is_table()) {
    print_matrix(*matrix);
  } else {
    context.print(lab::to_json(*matrix));
  }
  if (!matrix->agrees()) throw Exit{kExitRefused};
}

lab::Lab find_lab(const std::string& name) {
  auto lab = lab::Lab::find(name);
  if (!lab) fail(lab.error());
  return std::move(*lab);
}

struct LabOptions {
  std::string lab, path, host, file;
  std::vector<std::string> command;
  bool is_empty = false;
};

void up(const Context& context, const LabOptions& options) {
  const auto begun = std::chrono::steady_clock::now();
  Steps steps(context.is_table());
  auto lab = lab::Lab::up(options.path, options.is_empty,
                          [&](const std::string& step) { steps.begin(step); });
  if (!lab) {
    steps.end();
    fail(lab.error());
  }
  if (options.is_empty) {
    return;
  }
  steps.begin("probing everyone × everyone");
  auto matrix = lab->check();
  steps.end();
  if (!matrix) fail(matrix.error());
  if (context.is_table()) {
    std::cout << "\n";
    print_matrix(*matrix);
    std::cout << "Up in " << std::fixed << std::setprecision(1)
              << std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count()
              << " s. Try `farspan lab exec "
              << (matrix->hosts.empty() ? "HOST" : matrix->hosts.back().name)
              << " -- ping -c3 …`, `farspan tunnels`, `farspan lab check`; `farspan lab down` "
                 "removes it.\n";
  } else {
    context.print(lab::to_json(*matrix));
  }
  if (!matrix->agrees()) throw Exit{kExitRefused};
}

void status(const Context& context, const LabOptions& options) {
  const auto lab = find_lab(options.lab);
  auto programs = lab.programs();
  if (!programs) fail(programs.error());
  if (!context.is_table()) {
    nlohmann::json rows = nlohmann::json::array(), hosts = nlohmann::json::array();
    for (const auto& program : *programs)
      rows.push_back({{"name", program.name}, {"pid", program.pid}, {"starts", program.starts}});
    for (const auto& host : lab.host_names())
      hosts.push_back({{"name", host}, {"netns", *lab.netns(host)}});
    return context.print({{"lab", lab.topology().name},
                          {"directory", lab::directory_of(lab.topology().name)},
                          {"controller", lab.api_socket()},
                          {"programs", rows},
                          {"hosts", hosts}});
  }
  Table table({"PROGRAM", "PID", "STATE", "STARTS"});
  for (const auto& program : *programs) {
    table.add({program.name, std::to_string(program.pid),
               program.pid > 0 ? Cell("running", Colour::kGreen) : Cell("restarting", Colour::kRed),
               std::to_string(program.starts)});
  }
  table.print(std::cout);
  std::cout << "\nLab " << lab.topology().name << "; its files and logs are in "
            << lab::directory_of(lab.topology().name) << "\nHosts:";
  for (const auto& host : lab.host_names()) std::cout << " " << host;
  std::cout << "\n";
}

// Becomes the command inside the host's namespace; a shell when there is none.
void exec(const LabOptions& options) {
  auto netns = find_lab(options.lab).netns(options.host);
  if (!netns) fail(netns.error());
  std::vector<std::string> argv = {"ip", "netns", "exec", *netns};
  if (options.command.empty()) {
    argv.insert(argv.end(), {"env", "PS1=" + options.host + "# ", "bash", "--norc"});
  } else {
    argv.insert(argv.end(), options.command.begin(), options.command.end());
  }
  std::vector<char*> words;
  for (auto& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  std::cout.flush();
  ::execvp(words[0], words.data());
  fail({ErrorCode::kUnavailable, "", "", std::string("cannot run ip: ") + std::strerror(errno),
        "install iproute2"});
}

void down(const Context& context, const LabOptions& options) {
  if (options.lab.empty() && lab::lab_names().empty()) {
    if (context.is_table()) std::cout << "No lab is up.\n";
    return;
  }
  const auto lab = find_lab(options.lab);
  Steps steps(context.is_table());
  auto done = lab.down([&](const std::string& step) { steps.begin(step); });
  if (!done) fail(done.error());
}

}  // namespace

std::vector<std::string> lab_hosts() {
  const auto found = lab::Lab::find("");
  return found ? found->host_names() : std::vector<std::string>();
}

void add_lab_commands(CLI::App& app, Context& context) {
  auto options = std::make_shared<LabOptions>();
  auto* lab =
      app.add_subcommand("lab", "Regions, offices, applications and an internet on this machine");
  lab->require_subcommand(1);
  lab->footer(
      "Examples:\n  farspan lab up examples/global-offices\n  farspan lab exec office-1 -- ping "
      "-c3 10.20.10.10\n  farspan lab check\n  farspan lab down");
  const auto named = [&](CLI::App* command) {
    command->add_option("--lab", options->lab, "which lab, when several are up")->type_name("NAME");
  };

  auto* start = lab->add_subcommand("up", "Build the lab of a lab.yaml, start it and prove it");
  start->add_option("path", options->path, "lab.yaml, or a directory that has one")
      ->required()
      ->type_name("PATH");
  start->add_flag("--empty", options->is_empty,
                  "only the machines: apply the network and load the offices by hand");
  start->footer(
      "Examples:\n  farspan lab up examples/global-offices\n  farspan lab up --empty my-lab.yaml");
  start->callback([options, &context] { up(context, *options); });

  auto* show =
      lab->add_subcommand("status", "What runs, where its logs are, which hosts there are");
  named(show);
  show->footer("Example:\n  farspan lab status");
  show->callback([options, &context] { status(context, *options); });

  auto* run = lab->add_subcommand("exec", "Run a command on a host, or open a shell there");
  named(run);
  run->add_option("host", options->host, "such as office-1, office-1-router, app-us-east")
      ->required()
      ->type_name("HOST");
  run->add_option("command", options->command, "and its options, behind -- or not")
      ->type_name("CMD");
  run->fallthrough(false);  // options behind the host are the command's
  run->prefix_command();
  run->footer("Example:\n  farspan lab exec office-1 -- ping -c3 10.20.10.10");
  run->callback([options, run] {
    const std::vector<std::string> behind = run->remaining();
    options->command.insert(options->command.end(), behind.begin(), behind.end());
    exec(*options);
  });

  auto* measure =
      lab->add_subcommand("check", "Everyone × everyone: what is declared against what packets do");
  named(measure);
  measure->footer("Example:\n  farspan lab check\nExit code 1 when a pair is not as declared.");
  measure->callback([options, &context] { check(context, find_lab(options->lab)); });

  auto* load =
      lab->add_subcommand("load", "Load an exported configuration into the router of an office");
  named(load);
  load->add_option("office", options->host, "such as office-1")->required()->type_name("OFFICE");
  load->add_option("file", options->file, "swanctl.conf, as exported; - for standard input")
      ->required()
      ->type_name("FILE");
  load->footer(
      "Example:\n  farspan export ipsec-connection office-1 | farspan lab load office-1 -");
  load->callback([options] {
    auto done = find_lab(options->lab).load_office(options->host, read_text(options->file));
    if (!done) fail(done.error());
  });

  auto* stop = lab->add_subcommand("down", "End everything; leave no process, namespace or file");
  named(stop);
  stop->footer("Example:\n  farspan lab down");
  stop->callback([options, &context] { down(context, *options); });
}

}  // namespace farspan::cli
