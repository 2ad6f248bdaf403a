// SPDX-License-Identifier: Apache-2.0
#include "farspan/lab/lab.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "farspan/cli/rest/client.h"
#include "farspan/lab/places.h"
#include "farspan/lab/programs.h"
#include "farspan/lab/underlay.h"

namespace farspan::lab {
namespace {

namespace fs = std::filesystem;

constexpr auto kInForcePatience = std::chrono::seconds(40);

std::string count(size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file)
    return Error{ErrorCode::kNotFound, "", "", "cannot read " + path, "does the file exist?"};
  return text.str();
}

Status apply_file(const cli::RestClient& client, const std::string& path) {
  auto text = read_file(path);
  if (!text) return text.error();
  auto answer = client.request("POST", "/v1/apply", *text);
  if (!answer) return answer.error();
  if (answer->ok()) return ok();
  Error first = answer->errors().front();
  first.what += " (in " + path + ")";
  return first;
}

// What is not in force yet on a node, in words; empty when all is.
Result<std::string> missing_on_nodes(const cli::RestClient& client) {
  auto nodes = client.get("/v1/nodes");
  if (!nodes) return nodes.error();
  for (const auto& node : nodes->at("nodes")) {
    const std::string name = node.at("node");
    if (!node.at("connected").get<bool>())
      return "Node " + name + " is not connected to the controller";
    for (const auto& failure : node.at("failures")) {
      return "Node " + name + ": " + failure.value("item", "") + ": " + failure.value("reason", "");
    }
    if (!node.at("in_force").get<bool>())
      return "Node " + name + " has not applied its newest state";
  }
  return std::string();
}

// Which tunnel is not up, and why; empty when all are.
Result<std::string> missing_tunnel(const cli::RestClient& client) {
  auto tunnels = client.get("/v1/tunnels");
  if (!tunnels) return tunnels.error();
  for (const auto& tunnel : tunnels->at("tunnels")) {
    if (tunnel.at("child_state") == "ipsec_sa_established") continue;
    const std::string name = tunnel.at("kind") == "link"
                                 ? "the link to " + tunnel.value("peer_node", "")
                                 : "IpsecConnection " + tunnel.value("connection", "");
    const auto& problem = tunnel.at("problem");
    return name + " is not up on " + tunnel.value("node", "") +
           (problem.is_object() ? ": " + problem.value("words", "") : "");
  }
  return std::string();
}

// Removes what a lab of that name left behind, by its supervisor when it still runs and by its
// namespaces anyhow.
Status remove_leftovers(const Topology& topology) {
  const std::string directory = directory_of(topology.name);
  if (auto supervisor = Supervisor::find(directory)) {
    if (auto done = supervisor->shut_down(); !done) return done;
  }
  if (auto done = remove_namespaces(namespaces_of(topology)); !done) return done;
  std::error_code ignored;
  fs::remove_all(directory, ignored);
  if (fs::exists(directory, ignored))
    return Error{ErrorCode::kUnavailable, "Lab " + topology.name, "", "cannot remove " + directory,
                 "run as root"};
  fs::remove(kLabRoot, ignored);  // only when it was the last lab
  return ok();
}

// A namespace with our prefix and no lab: what a crash left when not even the lab's files remained.
bool is_left_behind(const std::string& netns) {
  return netns.rfind(netns_of(""), 0) == 0 && namespace_exists(netns);
}

// The machines of the lab, started but not yet configured.
Status start_machines(const Topology& topology, const Programs& programs,
                      const Progress& progress) {
  progress("starting the controller");
  if (auto done = programs.start_controller(); !done) return done;
  if (auto done = apply_file(cli::RestClient(programs.api_socket()), topology.platform); !done)
    return done;
  progress("enrolling and starting " + count(topology.nodes.size(), "node") +
           ": data plane, charon and agent each");
  for (const auto& node : topology.nodes) {
    if (auto done = programs.start_node(node); !done) return done;
  }
  progress("starting " + count(topology.offices.size(), "office") + " (stock strongSwan) and " +
           count(topology.instances.size(), "application"));
  for (const auto& office : topology.offices) {
    if (auto done = programs.start_office(office); !done) return done;
  }
  for (const auto& instance : topology.instances) {
    if (auto done = programs.start_instance(instance); !done) return done;
  }
  return ok();
}

}  // namespace

Result<Lab> Lab::up(const std::string& path, bool is_empty, const Progress& progress) {
  if (::geteuid() != 0)
    return Error{ErrorCode::kDenied, "", "", "a lab makes network namespaces, which needs root",
                 "run it with sudo"};
  auto topology = read_topology(path);
  if (!topology) return topology.error();
  Lab lab(*topology);
  const std::string directory = directory_of(topology->name);
  for (const auto& other : lab_names()) {
    if (other == topology->name) continue;
    return Error{ErrorCode::kConflict, "Lab " + topology->name, "",
                 "the lab " + other + " is up, and labs share the names of their namespaces",
                 "take it down first: `farspan lab down --lab " + other + "`"};
  }
  const auto namespaces = namespaces_of(*topology);
  if (fs::exists(directory) || std::any_of(namespaces.begin(), namespaces.end(), is_left_behind)) {
    progress("removing the former run of " + topology->name);
    if (auto done = remove_leftovers(*topology); !done) return done.error();
  }
  fs::create_directories(directory + "/log");
  ::chmod(directory.c_str(), 0700);
  std::ofstream(directory + "/lab.path") << fs::absolute(path).string() << "\n";
  auto supervisor = Supervisor::launch(directory);
  if (!supervisor) return supervisor.error();

  progress("wiring " + count(namespaces_of(*topology).size(), "place"));
  if (auto done = build_underlay(*topology); !done) return done.error();
  const Programs programs(*topology, *supervisor);
  if (auto done = start_machines(*topology, programs, progress); !done) return done.error();
  if (is_empty) {
    progress("waiting for the nodes");
    if (auto done = lab.await_nodes(); !done) return done.error();
    return lab;
  }
  const cli::RestClient client(lab.api_socket());
  for (const auto& file : topology->network) {
    progress("applying " + fs::path(file).filename().string());
    if (auto done = apply_file(client, file); !done) return done.error();
  }
  progress("waiting until every state is in force");
  if (auto done = lab.await_nodes(); !done) return done.error();
  progress("loading the exported configuration into " +
           count(topology->offices.size(), "office router"));
  if (auto done = lab.load_offices(); !done) return done.error();
  progress("waiting until every tunnel is up");
  if (auto done = lab.await_tunnels(); !done) return done.error();
  return lab;
}

std::vector<std::string> lab_names() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(kLabRoot, ignored))
    names.push_back(entry.path().filename().string());
  return names;
}

Result<Lab> Lab::find(const std::string& name) {
  const auto names = lab_names();
  if (name.empty() && names.size() != 1) {
    return Error{names.empty() ? ErrorCode::kNotFound : ErrorCode::kConflict, "", "",
                 names.empty() ? "no lab is up" : "several labs are up",
                 names.empty() ? "start one: `farspan lab up examples/global-offices`"
                               : "name one with --lab"};
  }
  const std::string directory = directory_of(name.empty() ? names.front() : name);
  auto path = read_file(directory + "/lab.path");
  if (!path)
    return Error{ErrorCode::kNotFound, "Lab " + name, "", "is not up",
                 "start it with `farspan lab up PATH`"};
  while (!path->empty() && path->back() == '\n') path->pop_back();
  auto topology = read_topology(*path);
  if (!topology) return topology.error();
  return Lab(*topology);
}

std::string Lab::api_socket() const {
  return directory_of(topology_.name) + "/controller/api.sock";
}

Result<std::vector<ProgramStatus>> Lab::programs() const {
  auto supervisor = Supervisor::find(directory_of(topology_.name));
  if (!supervisor) return supervisor.error();
  return supervisor->list();
}

std::vector<std::string> Lab::host_names() const {
  std::vector<std::string> names = {"internet", "controller"};
  for (const auto& node : topology_.nodes) names.push_back(node.name);
  for (const auto& instance : topology_.instances) names.push_back(instance.name);
  for (const auto& office : topology_.offices) {
    names.insert(names.end(), {office.name, router_of(office.name)});
    if (office.nat) names.push_back(nat_of(office.name));
  }
  return names;
}

Result<std::string> Lab::netns(const std::string& host) const {
  for (const auto& instance : topology_.instances) {
    if (instance.name == host) return instance.netns;
  }
  std::string known;
  for (const auto& name : host_names()) {
    if (name == host) return netns_of(host);
    known += (known.empty() ? "" : ", ") + name;
  }
  return Error{ErrorCode::kNotFound, "Lab " + topology_.name, "host",
               "\"" + host + "\" is not in this lab", "the hosts are " + known};
}

Status Lab::load_office(const std::string& name, const std::string& swanctl_conf) const {
  auto supervisor = Supervisor::find(directory_of(topology_.name));
  if (!supervisor) return supervisor.error();
  for (const auto& office : topology_.offices) {
    if (office.name == name)
      return Programs(topology_, *supervisor).load_office(office, swanctl_conf);
  }
  return Error{ErrorCode::kNotFound, "Lab " + topology_.name, "office",
               "\"" + name + "\" is not an office of this lab", "`farspan lab status` lists them"};
}

Status Lab::load_offices() const {
  const cli::RestClient client(api_socket());
  for (const auto& office : topology_.offices) {
    auto exported =
        client.request("GET", "/v1/export/ipsec-connections/" +
                                  cli::url_encoded(office.connection) + "?format=swanctl");
    if (!exported) return exported.error();
    if (exported->http_status == 404) continue;
    if (!exported->ok()) return exported->errors().front();
    if (auto done = load_office(office.name, exported->body); !done) return done;
  }
  return ok();
}

Status Lab::await(Result<std::string> (*missing_of)(const cli::RestClient&)) const {
  const cli::RestClient client(api_socket());
  const auto deadline = std::chrono::steady_clock::now() + kInForcePatience;
  for (;;) {
    auto missing = missing_of(client);
    if (!missing) return missing.error();
    if (missing->empty()) return ok();
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{ErrorCode::kUnavailable, "Lab " + topology_.name, "", *missing,
                   "see `farspan tunnels`, `farspan nodes` and the logs in " +
                       directory_of(topology_.name) + "/log"};
    }
    ::poll(nullptr, 0, 50);
  }
}

Status Lab::await_nodes() const { return await(missing_on_nodes); }
Status Lab::await_tunnels() const { return await(missing_tunnel); }

Status Lab::down(const Progress& progress) const {
  progress("ending the programs and removing the namespaces of " + topology_.name);
  return remove_leftovers(topology_);
}

}  // namespace farspan::lab
