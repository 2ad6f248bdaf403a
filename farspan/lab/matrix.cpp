// SPDX-License-Identifier: Apache-2.0
#include "farspan/lab/matrix.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "farspan/cli/rest/client.h"
#include "farspan/lab/places.h"
#include "farspan/lab/probe.h"

namespace farspan::lab {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(1500);
constexpr int kMaxHops = 8;
constexpr size_t kProbesAtOnce = 32;

using NamesByAddress = std::map<net::Address, std::string>;

// What to call the routers that answer when a TTL runs out.
Result<NamesByAddress> router_names(const Topology& topology, const cli::RestClient& client) {
  NamesByAddress names;
  for (const auto& host : hosts_of(topology)) names[host.address] = host.name;
  for (const auto& office : topology.offices) {
    names[net::Address::v4(office.lan.address().v4() + 1)] = router_of(office.name);
  }
  auto vswitches = client.get("/v1/resources/VSwitch");
  if (!vswitches) return vswitches.error();
  for (const auto& item : vswitches->at("items")) {
    const auto cidr = net::Prefix::parse(item.at("spec").at("cidr").get<std::string>());
    if (cidr)
      names[net::Address::v4(cidr->last().v4() - 2)] =
          item.at("spec").at("vpc").get<std::string>();  // its gateway
  }
  return names;
}

Result<ProbeResult> expectation(const cli::RestClient& client, const Host& from, const Host& to,
                                const std::string& probe) {
  auto answer = client.get("/v1/reachability?from=" + from.address.text() +
                           "&to=" + to.address.text() + "&" + probe);
  if (!answer) return answer.error();
  ProbeResult expected;
  expected.is_expected = answer->at("is_reachable").get<bool>();
  expected.reason = answer->value("reason", "");
  return expected;
}

std::vector<std::string> observed_path(const Host& from, const Host& to,
                                       const NamesByAddress& names) {
  std::vector<std::string> path = {from.name};
  for (int ttl = 1; ttl <= kMaxHops; ++ttl) {
    const auto answer = echo(to.address, ttl, static_cast<uint16_t>(100 + ttl), kPatience);
    if (!answer) {
      path.emplace_back("?");
      continue;
    }
    const auto name = names.find(answer->answerer);
    path.push_back(name == names.end() ? answer->answerer.text() : name->second);
    if (answer->is_reply) break;
  }
  return path;
}

void probe_pair(const Host& from, const Host& to, const NamesByAddress& names, Pair& pair) {
  // One answer proves reachability; an expected one is asked for again, because a first packet may
  // be lost while ARP or a tunnel on demand is under way.
  const int tries = pair.icmp.is_expected ? 5 : 1;
  int answers = 0;
  for (uint16_t i = 0; i < tries && answers < 3; ++i) {
    const auto answer = echo(to.address, 64, i, kPatience);
    if (!answer || !answer->is_reply) continue;
    ++answers;
    pair.latency_milliseconds =
        std::min(answer->milliseconds, pair.latency_milliseconds.value_or(answer->milliseconds));
  }
  pair.icmp.is_reached = answers > 0;
  pair.tcp.is_reached = http_get(to.address, 80, kPatience * (pair.tcp.is_expected ? 3 : 1));
  if (pair.icmp.is_reached) pair.path = observed_path(from, to, names);
}

}  // namespace

bool Matrix::agrees() const {
  return std::all_of(pairs.begin(), pairs.end(),
                     [](const Pair& pair) { return pair.icmp.agrees() && pair.tcp.agrees(); });
}

std::vector<Host> hosts_of(const Topology& topology) {
  std::vector<Host> hosts;
  for (const auto& instance : topology.instances)
    hosts.push_back({instance.name, instance.netns, instance.address});
  for (const auto& office : topology.offices)
    hosts.push_back({office.name, netns_of(office.name), office.host});
  return hosts;
}

Result<Matrix> measure_matrix(const Topology& topology, const std::string& api_socket) {
  const cli::RestClient client(api_socket);
  auto names = router_names(topology, client);
  if (!names) return names.error();
  Matrix matrix;
  matrix.hosts = hosts_of(topology);
  std::vector<std::pair<const Host*, const Host*>> ends;
  for (const auto& from : matrix.hosts) {
    for (const auto& to : matrix.hosts) {
      if (&from == &to) continue;
      auto icmp = expectation(client, from, to, "protocol=icmp");
      if (!icmp) return icmp.error();
      auto tcp = expectation(client, from, to, "protocol=tcp&port=80");
      if (!tcp) return tcp.error();
      matrix.pairs.push_back({from.name, to.name, *icmp, *tcp, std::nullopt, {}});
      ends.emplace_back(&from, &to);
    }
  }
  std::atomic<size_t> next = 0;
  std::vector<Status> failures(kProbesAtOnce, ok());
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kProbesAtOnce; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = next++; i < ends.size(); i = next++) {
        auto done = inside(ends[i].first->netns, [&] {
          probe_pair(*ends[i].first, *ends[i].second, *names, matrix.pairs[i]);
        });
        if (!done) failures[t] = done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) {
    if (!failure) return failure.error();
  }
  return matrix;
}

nlohmann::json to_json(const Matrix& matrix) {
  const auto result = [](const ProbeResult& probe) {
    return nlohmann::json{
        {"expected", probe.is_expected}, {"reached", probe.is_reached}, {"reason", probe.reason}};
  };
  nlohmann::json pairs = nlohmann::json::array();
  for (const auto& pair : matrix.pairs) {
    pairs.push_back({{"from", pair.from},
                     {"to", pair.to},
                     {"icmp", result(pair.icmp)},
                     {"tcp", result(pair.tcp)},
                     {"path", pair.path},
                     {"latency_milliseconds", pair.latency_milliseconds
                                                  ? nlohmann::json(*pair.latency_milliseconds)
                                                  : nlohmann::json()}});
  }
  return {{"agrees", matrix.agrees()}, {"pairs", pairs}};
}

}  // namespace farspan::lab
