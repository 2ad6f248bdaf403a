// SPDX-License-Identifier: Apache-2.0
#include "farspan/lab/underlay.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "farspan/base/unique_fd.h"
#include "farspan/lab/command.h"
#include "farspan/lab/places.h"

namespace farspan::lab {
namespace {

const std::string kInternetAddress =
    "100.64.0.1";  // shared address space (RFC 6598): in nobody's plan
const std::string kInsideNatAddress = "100.64.0.2";

// Collects ip(8) commands by namespace and runs each namespace's in one process.
class IpBatch {
 public:
  void root(const std::string& line) { root_ += line + "\n"; }
  void in(const std::string& netns, const std::string& line) {
    by_namespace_[netns] += line + "\n";
  }

  Status run_all() const {
    if (auto done = run_batch({"ip"}, root_); !done) return done;
    for (const auto& [netns, lines] : by_namespace_) {
      if (auto done = run_batch({"ip", "-n", netns}, lines); !done) return done;
    }
    return ok();
  }

 private:
  static Status run_batch(Argv argv, const std::string& lines) {
    char name[] = "/tmp/farspan-lab-ip-XXXXXX";
    const UniqueFd file(::mkstemp(name));
    if (!file.valid())
      return Error{ErrorCode::kUnavailable, "", "", "cannot write to /tmp", "make room in /tmp"};
    std::ofstream(name) << lines;
    argv.insert(argv.end(), {"-batch", name});
    auto done = run(argv);
    std::filesystem::remove(name);
    return done ? ok() : Status(done.error());
  }

  std::string root_;
  std::map<std::string, std::string> by_namespace_;
};

class Wiring {
 public:
  explicit Wiring(const Topology& topology) : topology_(topology) {}

  IpBatch batch() {
    for (const auto& netns : namespaces_of(topology_)) {
      batch_.root("netns add " + netns);
      batch_.in(netns, "link set lo up");
    }
    public_site(netns_of("controller"), topology_.controller);
    for (const auto& node : topology_.nodes) public_site(netns_of(node.name), node.public_address);
    for (const auto& office : topology_.offices) office_site(office);
    return std::move(batch_);
  }

 private:
  // A veth pair of which each end is born in its namespace.
  void wire(const std::string& left, const std::string& left_name, const std::string& right,
            const std::string& right_name) {
    batch_.root("link add " + left_name + " netns " + left + " type veth peer name " + right_name +
                " netns " + right);
  }

  void public_site(const std::string& netns, const net::Address& address) {
    const std::string internet = netns_of("internet");
    const std::string wire_name = "w" + std::to_string(++wires_);
    wire(internet, wire_name, netns, "wan0");
    batch_.in(internet, "addr add " + kInternetAddress + "/32 dev " + wire_name);
    batch_.in(internet, "link set " + wire_name + " up");
    batch_.in(internet, "route add " + address.text() + "/32 dev " + wire_name);
    uplink(netns, address, kInternetAddress);
  }

  void office_site(const OfficeSite& office) {
    const std::string router = netns_of(router_of(office.name)), host = netns_of(office.name);
    const auto gateway = net::Address::v4(office.lan.address().v4() + 1);
    if (office.nat) {
      nat_site(office, router);
    } else {
      public_site(router, office.public_address);
    }
    wire(router, "lan0", host, "eth0");
    const std::string length = "/" + std::to_string(office.lan.length());
    batch_.in(router, "addr add " + gateway.text() + length + " dev lan0");
    batch_.in(router, "link set lan0 up");
    // The tunnel's 0.0.0.0/0 goes to table 220; the office's own network must be looked up before
    // it.
    batch_.in(router, "rule add pref 219 lookup main suppress_prefixlength 0");
    batch_.in(host, "addr add " + office.host.text() + length + " dev eth0");
    batch_.in(host, "link set eth0 up");
    batch_.in(host, "route add default via " + gateway.text());
  }

  // The router's "public" address is then a private one behind the NAT device. The inside has a
  // router address of its own: a device does not answer ARP requests that come from what it thinks
  // is its own address.
  void nat_site(const OfficeSite& office, const std::string& router) {
    const std::string nat = netns_of(nat_of(office.name));
    public_site(nat, *office.nat);
    wire(nat, "in0", router, "wan0");
    batch_.in(nat, "addr add " + kInsideNatAddress + "/32 dev in0");
    batch_.in(nat, "link set in0 up");
    batch_.in(nat, "route add " + office.public_address.text() + "/32 dev in0");
    uplink(router, office.public_address, kInsideNatAddress);
  }

  // The addressed site end of a wire, with its default route.
  void uplink(const std::string& netns, const net::Address& address, const std::string& gateway) {
    batch_.in(netns, "addr add " + address.text() + "/32 dev wan0");
    batch_.in(netns, "link set wan0 up");
    batch_.in(netns, "route add " + gateway + " dev wan0");
    batch_.in(netns, "route add default via " + gateway + " dev wan0 src " + address.text());
  }

  const Topology& topology_;
  IpBatch batch_;
  int wires_ = 0;
};

Status make_router(const std::string& netns) {
  auto done = run(in_namespace(
      netns, {"sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
              "net.ipv4.conf.default.rp_filter=0", "net.ipv4.icmp_ratelimit=0"}));
  return done ? ok() : Status(done.error());
}

Status make_nat(const std::string& netns) {
  for (const Argv& command :
       {Argv{"nft", "add", "table", "ip", "nat"},
        Argv{"nft", "add", "chain", "ip", "nat", "out",
             "{ type nat hook postrouting priority 100 ; }"},
        Argv{"nft", "add", "rule", "ip", "nat", "out", "oifname", "wan0", "masquerade"}}) {
    if (auto done = run(in_namespace(netns, command)); !done) return done.error();
  }
  return make_router(netns);
}

}  // namespace

std::vector<std::string> namespaces_of(const Topology& topology) {
  std::vector<std::string> names = {netns_of("internet"), netns_of("controller")};
  for (const auto& node : topology.nodes) names.push_back(netns_of(node.name));
  for (const auto& office : topology.offices) {
    if (office.nat) names.push_back(netns_of(nat_of(office.name)));
    names.push_back(netns_of(router_of(office.name)));
    names.push_back(netns_of(office.name));
  }
  for (const auto& instance : topology.instances) names.push_back(instance.netns);
  return names;
}

bool namespace_exists(const std::string& netns) {
  std::error_code ignored;
  return std::filesystem::exists("/run/netns/" + netns, ignored);
}

Status build_underlay(const Topology& topology) {
  for (const auto& netns : namespaces_of(topology)) {
    if (namespace_exists(netns)) {
      return Error{ErrorCode::kConflict, "Lab " + topology.name, "",
                   "the network namespace " + netns + " exists already",
                   "end what uses it (`ip netns delete " + netns + "` when it is a leftover)"};
    }
  }
  if (auto done = Wiring(topology).batch().run_all(); !done) return done;
  if (auto done = make_router(netns_of("internet")); !done) return done;
  for (const auto& office : topology.offices) {
    if (auto done = make_router(netns_of(router_of(office.name))); !done) return done;
    if (!office.nat) continue;
    if (auto done = make_nat(netns_of(nat_of(office.name))); !done) return done;
  }
  return ok();
}

Status remove_namespaces(const std::vector<std::string>& namespaces) {
  for (const auto& netns : namespaces) {
    if (!namespace_exists(netns)) continue;
    // A namespace lives as long as a process is in it: end them first.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(3);
    for (;;) {
      auto pids = run({"ip", "netns", "pids", netns});
      if (!pids || pids->empty() || std::chrono::steady_clock::now() > deadline) break;
      std::istringstream words(*pids);
      for (pid_t pid = 0; words >> pid;) ::kill(pid, SIGKILL);
      ::poll(nullptr, 0, 10);
    }
    if (auto removed = run({"ip", "netns", "delete", netns}); !removed) return removed.error();
  }
  return ok();
}

}  // namespace farspan::lab
