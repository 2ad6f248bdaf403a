// SPDX-License-Identifier: Apache-2.0
// controller_bench: how fast the control side answers, with the real controller, HTTP, gRPC and
// TLS.
//
//   controller_bench --controller build/release/bin/farspan-controller
//
// One run: a controller on a directory of its own, simulated nodes that enrol and hold sessions,
// the offices of controller_network.h applied at once, and then the questions of docs/perf.md. Rows
// of the table are printed as they are measured.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "controller_network.h"
#include "farspan/agent/enrolment.h"
#include "farspan/cli/rest/client.h"
#include "simulated_nodes.h"

extern char** environ;

namespace farspan::bench {
namespace {

using Seconds = std::chrono::duration<double>;

[[noreturn]] void fail(const std::string& what) {
  fmt::print(stderr, "controller_bench: {}\n", what);
  std::exit(1);
}

double milliseconds_since(BenchClock::time_point from) {
  return Seconds(BenchClock::now() - from).count() * 1000;
}

double percentile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(p * double(values.size())))];
}

void print_row(const std::string& what, const std::string& figures, const std::string& target) {
  fmt::print("{:<44} {:<34} {}\n", what, figures, target);
  std::fflush(stdout);
}
std::string ms(double value) { return fmt::format("{:.1f} ms", value); }
std::string spread(const std::vector<double>& values) {
  return fmt::format("p50 {:.1f}  p99 {:.1f} ms", percentile(values, 0.5),
                     percentile(values, 0.99));
}

// A farspan-controller on a directory of its own.
class Controller {
 public:
  Controller(std::string program, std::string directory, int port)
      : program_(std::move(program)),
        directory_(std::move(directory)),
        address_(fmt::format("127.0.0.1:{}", port)),
        client_(directory_ + "/api.sock") {}
  ~Controller() {
    if (pid_ > 0) stop();
  }

  /// Returns how long it took until the API answered, in ms.
  double start() {
    const auto begun = BenchClock::now();
    std::vector<std::string> words = {program_,   "--state-dir",  directory_ + "/state",
                                      "--listen", address_,       "--advertise",
                                      address_,   "--api-socket", directory_ + "/api.sock"};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    const std::string log = directory_ + "/log";
    posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    if (posix_spawn(&pid_, program_.c_str(), &files, nullptr, arguments.data(), environ) != 0)
      fail("cannot start " + program_);
    posix_spawn_file_actions_destroy(&files);
    for (;;) {
      const auto answer = client_.request("GET", "/v1/version");
      if (answer && answer->ok()) return milliseconds_since(begun);
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) fail("the controller ended; see " + log);
      if (milliseconds_since(begun) > 120'000) fail("the controller does not answer");
      usleep(2000);
    }
  }
  /// Returns how long it took to end, in ms.
  double stop() {
    const auto begun = BenchClock::now();
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
    return milliseconds_since(begun);
  }

  std::string ask(const std::string& method, const std::string& target,
                  const std::string& body = "") const {
    const auto answer = client_.request(method, target, body, "application/json");
    if (!answer) fail(method + " " + target + ": " + answer.error().text());
    if (!answer->ok()) fail(method + " " + target + ": " + answer->errors().front().text());
    return answer->body;
  }
  /// Like ask(), for a controller that may go away meanwhile.
  bool tries(const std::string& method, const std::string& target, const std::string& body) const {
    const auto answer = client_.request(method, target, body, "application/json");
    return answer && answer->ok();
  }
  uint64_t apply(const std::string& body) const {
    return nlohmann::json::parse(ask("POST", "/v1/apply", body)).at("revision").get<uint64_t>();
  }

  double resident_mb() const {
    std::ifstream status(fmt::format("/proc/{}/status", pid_));
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
    return 0;
  }
  const std::string& address() const { return address_; }

 private:
  const std::string program_, directory_, address_;
  const cli::RestClient client_;
  pid_t pid_ = -1;
};

agent::Identity enrolled(const Controller& controller, const std::string& directory,
                         const std::string& node) {
  std::filesystem::create_directories(directory);
  const std::string bundle = directory + "/bundle.json";
  std::ofstream(bundle) << controller.ask("POST", "/v1/nodes/" + node + "/enrolment");
  auto made = agent::enrol(directory, node, controller.address(), bundle);
  if (!made) fail("enrolment of " + node + ": " + made.error().text());
  return made->identity;
}

std::vector<double> times_of(int turns, const std::function<void()>& job) {
  std::vector<double> times;
  for (int i = 0; i < turns; ++i) {
    const auto begun = BenchClock::now();
    job();
    times.push_back(milliseconds_since(begun));
  }
  return times;
}

struct Options {
  std::string program = "build/release/bin/farspan-controller";
  ControlNetwork network;
  int turns = 50;
  bool has_pages = true;
};

class Bench {
 public:
  Bench(const Options& options, std::string directory, int port)
      : options_(options),
        network_(options.network),
        directory_(std::move(directory)),
        controller_(options.program, directory_, port) {}

  void run() {
    controller_.start();
    const auto platform = network_.platform();
    controller_.apply(joined(platform, 0, platform.size()));
    for (int i = 0; i < network_.nodes; ++i) {
      const std::string name = ControlNetwork::node(i);
      identities_.push_back(enrolled(controller_, directory_ + "/" + name, name));
      nodes_.push_back(
          std::make_unique<SimulatedNode>(name, controller_.address(), identities_.back()));
    }
    first_apply();
    changes();
    lists();
    questions();
    version_under_load();
    print_row("memory", fmt::format("{:.0f} MB", controller_.resident_mb()), "< 250 MB");
    ends_and_starts();
  }

 private:
  // Requests of at most 40,000 documents, which is what one may hold at 10,000 offices.
  void first_apply() {
    const auto documents = network_.all_offices(0, network_.offices);
    constexpr size_t kMost = 40'000;
    double total = 0;
    for (size_t from = 0; from < documents.size(); from += kMost) {
      const std::string body = joined(documents, from, std::min(documents.size(), from + kMost));
      const auto begun = BenchClock::now();
      newest_ = controller_.apply(body);
      total += milliseconds_since(begun);
    }
    print_row(fmt::format("first apply of {} documents", documents.size()), ms(total), "< 2500 ms");
    const auto begun = BenchClock::now();
    for (auto& node : nodes_) node->told_since(newest_);
    print_row("  then every node told after", ms(milliseconds_since(begun)), "");
  }

  void changes() {
    std::vector<double> answers, deltas;
    for (int i = 0; i < options_.turns; ++i) {
      const int k = network_.offices + i;
      const auto documents = network_.office(k);
      const std::string body = joined(documents, 0, documents.size());
      const auto begun = BenchClock::now();
      newest_ = controller_.apply(body);
      answers.push_back(milliseconds_since(begun));
      const auto told = nodes_[static_cast<size_t>(network_.node_of(k))]->told_since(newest_);
      deltas.push_back(Seconds(told - begun).count() * 1000);
    }
    print_row("one more connection and routes: answer", spread(answers), "p99 < 50 ms");
    print_row("  delta at its node", spread(deltas), "p99 < 100 ms");
    const auto plan = network_.office(network_.offices + options_.turns);
    const std::string body = joined(plan, 0, plan.size());
    print_row("  plan of it",
              spread(times_of(options_.turns, [&] { controller_.ask("POST", "/v1/plan", body); })),
              "");
    print_row("a changed description of a Region",
              spread(times_of(10,
                              [&, i = 0]() mutable {
                                controller_.apply(fmt::format(
                                    R"({{"kind":"Region","name":"n0","description":"{}"}})", ++i));
                              })),
              "");
  }

  void lists() {
    for (const char* kind : {"IpsecConnection", "CustomerGateway", "VpnRoute", "CenRoute"}) {
      const std::string target = std::string("/v1/resources/") + kind;
      if (options_.has_pages)
        print_row(fmt::format("{}: page of 500", kind),
                  spread(times_of(10, [&] { controller_.ask("GET", target + "?limit=500"); })),
                  "< 20 ms");
      size_t bytes = 0;
      const auto times = times_of(3, [&] { bytes = controller_.ask("GET", target).size(); });
      print_row(fmt::format("{}: all ({:.1f} MB)", kind, double(bytes) / 1e6),
                ms(percentile(times, 0.5)), "< 400 ms");
    }
  }

  void questions() {
    const auto row = [&](const std::string& what, const std::string& target, const char* goal) {
      print_row(what, spread(times_of(10, [&] { controller_.ask("GET", target); })), goal);
    };
    const std::string routes = "/v1/vpcs/n3/routes";
    if (options_.has_pages) row("routes of a Vpc, page of 500", routes + "?limit=500", "< 20 ms");
    row("routes of a Vpc, all", routes, "");
    row("reachability, Instance to Instance", "/v1/reachability?from=n1&to=n2", "< 20 ms");
    row("reachability, office to Instance", "/v1/reachability?from=p5&to=n2", "< 20 ms");
    row("one VpnRoute", "/v1/resources/VpnRoute/p7-0", "< 20 ms");
    row("one CustomerGateway", "/v1/resources/CustomerGateway/p7", "< 20 ms");
  }

  /// Until `is_over`, eight plans and eight full lists run all the time.
  std::vector<std::thread> load(const std::atomic<bool>& is_over) const {
    const auto documents = network_.all_offices(0, std::min(network_.offices, 2'000));
    const std::string plan = joined(documents, 0, documents.size());
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([this, i, plan, &is_over] {
        const bool is_plan = i % 2 == 0;
        while (!is_over && controller_.tries(is_plan ? "POST" : "GET",
                                             is_plan ? "/v1/plan" : "/v1/resources/VpnRoute",
                                             is_plan ? plan : "")) {
        }
      });
    }
    return threads;
  }

  void version_under_load() {
    std::atomic<bool> is_over = false;
    auto threads = load(is_over);
    usleep(300'000);  // all of them are at it
    const auto begun = BenchClock::now();
    std::vector<double> versions;
    while (versions.size() < 3 || (milliseconds_since(begun) < 5'000 && versions.size() < 1'000)) {
      for (const double time : times_of(1, [&] { controller_.ask("GET", "/v1/version"); }))
        versions.push_back(time);
    }
    // A machine of the same name: the newer session is the node's.
    nodes_[0].reset();
    nodes_[0] = std::make_unique<SimulatedNode>(ControlNetwork::node(0), controller_.address(),
                                                identities_[0]);
    const double connected = nodes_[0]->time_to_first_delta().count() * 1000;
    const auto change = network_.office(network_.offices + options_.turns + 1);
    const auto applied = times_of(1, [&] { controller_.apply(joined(change, 0, change.size())); });
    is_over = true;
    for (auto& thread : threads) thread.join();
    print_row("while 8 plans and 8 full lists run: version", spread(versions), "p99 < 20 ms");
    print_row("  a node connects and has its state", ms(connected), "< 100 ms");
    print_row("  one more connection", ms(applied.front()), "");
  }

  void ends_and_starts() {
    std::atomic<bool> is_over = false;
    auto threads = load(is_over);
    usleep(300'000);
    const double ended = controller_.stop();
    is_over = true;
    for (auto& thread : threads) thread.join();
    print_row("SIGTERM with questions in flight", ms(ended), "< 1000 ms");
    print_row("start with a full store", ms(controller_.start()), "< 1500 ms");
    print_row("memory after the start", fmt::format("{:.0f} MB", controller_.resident_mb()), "");
  }

  const Options& options_;
  const ControlNetwork& network_;
  const std::string directory_;
  Controller controller_;
  std::vector<agent::Identity> identities_;
  std::vector<std::unique_ptr<SimulatedNode>> nodes_;
  uint64_t newest_ = 0;
};

}  // namespace
}  // namespace farspan::bench

int main(int argc, char** argv) {
  farspan::bench::Options options;
  int port = 17'443;
  CLI::App app("Times the control side: the real controller, simulated nodes.");
  app.add_option("--controller", options.program, "the program to measure");
  app.add_option("--offices", options.network.offices, "connections");
  app.add_option("--routes-per-office", options.network.routes_per_office, "1 to 16");
  app.add_option("--nodes", options.network.nodes, "1 to 200");
  app.add_option("--turns", options.turns, "of what is measured often");
  app.add_option("--port", port, "of the loopback interface, for the nodes");
  app.add_flag("!--no-pages", options.has_pages, "of a controller that has none");
  CLI11_PARSE(app, argc, argv);

  signal(SIGPIPE, SIG_IGN);
  char name[] = "/tmp/farspan-control-bench-XXXXXX";
  const std::string directory = mkdtemp(name);
  fmt::print("{} connections, {} VpnRoutes, {} CenRoutes, {} nodes\n", options.network.offices,
             options.network.offices * options.network.routes_per_office,
             options.network.offices * options.network.routes_per_office, options.network.nodes);
  farspan::bench::Bench(options, directory, port).run();
  std::filesystem::remove_all(directory);
}
