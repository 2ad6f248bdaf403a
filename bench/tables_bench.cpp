// SPDX-License-Identifier: Apache-2.0
// tables_bench: what finding the next hop, the flow and the rule of a packet costs, and what a
// batch costs.
//
// Addresses are drawn before the measured loop, so that a lookup does not wait for the one before
// it, as in a batch of packets.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <set>

#include "farspan/dataplane/control/table_builder.h"
#include "farspan/dataplane/fib/route_table.h"
#include "farspan/dataplane/flow/flow_table.h"
#include "farspan/dataplane/policy/rule_set.h"
#include "farspan/net/address.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {
namespace {

constexpr size_t kDrawn = 1 << 16;

uint32_t draw(std::mt19937& rng) { return static_cast<uint32_t>(rng()); }

struct BenchRoute {
  Prefix4 destination;
  Adjacency adjacency;
};

// Offices' /24s inside 10/8, as a VPC with many connections has.
std::vector<BenchRoute> office_routes(size_t count) {
  std::vector<BenchRoute> routes = {{{0, 0}, Adjacency::to_router()}};
  for (uint32_t i = 0; routes.size() < count; ++i) {
    const uint32_t address = 0x0A000000 | (i * 40503 % 65536) << 8;
    routes.push_back({{address, 24}, Adjacency::to_tunnel(TunnelIndex(i))});
  }
  return routes;
}

void set_all(RouteTable& table, const std::vector<BenchRoute>& routes) {
  for (const auto& [destination, adjacency] : routes)
    table.set({destination, std::nullopt}, adjacency);
}

std::shared_ptr<const FibTable> table_of(const std::vector<BenchRoute>& routes) {
  RouteTable table;
  set_all(table, routes);
  return table.publish();
}

void fib_lookup(benchmark::State& state) {
  std::mt19937 rng(1);
  const auto routes = office_routes(static_cast<size_t>(state.range(0)));
  const auto kept = table_of(routes);
  const FibTable& table = *kept;
  std::vector<uint32_t> destinations(kDrawn);
  for (uint32_t& destination : destinations) {
    destination = routes[draw(rng) % routes.size()].destination.address | (draw(rng) & 0xFF);
  }
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.lookup(0, destinations[i++ % kDrawn]));
  }
  state.counters["table_KiB"] = static_cast<double>(table.size_bytes()) / 1024;
}
BENCHMARK(fib_lookup)
    ->Arg(1)
    ->Arg(8)
    ->Arg(16)
    ->Arg(31)
    ->Arg(64)
    ->Arg(256)
    ->Arg(1000)
    ->Arg(10'000)
    ->Arg(60'000);

// Prefixes as the Internet has them: six of ten are /24s, the others shorter, drawn everywhere.
std::vector<BenchRoute> internet_routes(size_t count) {
  std::mt19937 rng(4271);
  std::set<std::pair<uint32_t, uint8_t>> drawn;
  std::vector<BenchRoute> routes;
  while (routes.size() < count) {
    const auto length = static_cast<uint8_t>(draw(rng) % 10 < 6 ? 24 : 12 + draw(rng) % 12);
    const uint32_t address = draw(rng) % 0xE0000000 & Prefix4::mask(length);
    if (!drawn.emplace(address, length).second) continue;
    routes.push_back({{address, length},
                      Adjacency::to_tunnel(TunnelIndex(static_cast<uint32_t>(draw(rng) % 1000)))});
  }
  return routes;
}

void fib_lookup_internet(benchmark::State& state) {
  std::mt19937 rng(1);
  const auto routes = internet_routes(static_cast<size_t>(state.range(0)));
  const auto kept = table_of(routes);
  const FibTable& table = *kept;
  std::vector<uint32_t> destinations(kDrawn);
  for (uint32_t& destination : destinations) {
    destination = routes[draw(rng) % routes.size()].destination.address | (draw(rng) & 0xFF);
  }
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.lookup(0, destinations[i++ % kDrawn]));
  }
  state.counters["bytes_per_route"] =
      static_cast<double>(table.size_bytes()) / static_cast<double>(routes.size());
}
BENCHMARK(fib_lookup_internet)->Arg(10)->Arg(1000)->Arg(100'000)->Arg(1'000'000);

void fib_build(benchmark::State& state) {
  const auto routes = office_routes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(table_of(routes));
}
BENCHMARK(fib_build)->Arg(8)->Arg(1000)->Arg(10'000)->Arg(60'000)->Unit(benchmark::kMicrosecond);

std::vector<FlowKey> draw_keys(size_t count) {
  std::mt19937 rng(2);
  std::vector<FlowKey> keys(count);
  for (FlowKey& key : keys) {
    key = {FlowDomain(draw(rng) % 4),        draw(rng), draw(rng),
           static_cast<uint16_t>(draw(rng)), 443,       6};
  }
  return keys;
}

// One packet of a random flow after the other.
void flow_lookup(benchmark::State& state) {
  const auto keys = draw_keys(static_cast<size_t>(state.range(0)));
  FlowTable table(static_cast<uint32_t>(state.range(0)));
  for (const FlowKey& key : keys) {
    if (!table.find(key)) table.create(key, std::chrono::seconds(1));
  }
  std::mt19937 rng(3);
  std::vector<FlowKey> packets(kDrawn);
  for (FlowKey& packet : packets) {
    packet = keys[draw(rng) % keys.size()];
    if (draw(rng) % 2 == 0) packet = packet.reversed();
  }
  constexpr size_t kBatch = 32;
  size_t at = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < kBatch; ++i) {
      const FlowHit hit = table.find(packets[at + i], 0x10);
      table.touch(hit, std::chrono::seconds(2), 1, 1400);
    }
    at = (at + kBatch) % kDrawn;
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBatch));
}
BENCHMARK(flow_lookup)->Arg(64)->Arg(4096)->Arg(65'536)->Arg(1'000'000);

void flow_create_and_forget(benchmark::State& state) {
  const auto keys = draw_keys(static_cast<size_t>(state.range(0)));
  FlowTable table(static_cast<uint32_t>(state.range(0)));
  std::chrono::seconds now{1};
  for (auto _ : state) {
    for (const FlowKey& key : keys) {
      if (!table.find(key)) table.create(key, now);
    }
    now += std::chrono::seconds(30);
    while (table.age(now, 1024) > 0) {
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * keys.size()));
}
BENCHMARK(flow_create_and_forget)
    ->Arg(4096)
    ->Arg(65'536)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

void rule_evaluation(benchmark::State& state) {  // the packet no rule fits: the longest way
  std::vector<Rule> rules;
  for (uint32_t i = 0; i < static_cast<uint32_t>(state.range(0)); ++i) {
    rules.push_back({6, 443, 443, 0x0A000000 | i << 8, 24, RuleVerdict::kAccept, 1});
  }
  const RuleSet set = RuleSet::compile(rules, {});
  uint32_t peer = 0xAC100000;
  for (auto _ : state)
    benchmark::DoNotOptimize(set.evaluate(RuleDirection::kIngress, 6, 443, ++peer));
}
BENCHMARK(rule_evaluation)->Arg(5)->Arg(100)->Arg(1000);

v1::Route route_to_tunnel(uint32_t address, uint32_t tunnel) {
  v1::Route route;
  route.mutable_key()->set_vrf(1 + tunnel % 100);
  route.mutable_key()->set_destination(net::Prefix::covering(net::Address::v4(address), 24).text());
  route.mutable_next_hop()->mutable_tunnel()->set_tunnel(tunnel);
  return route;
}

// 100 VRFs, 10,000 connections with a route each.
v1::TablesBatch large_snapshot() {
  v1::TablesBatch batch;
  batch.set_is_snapshot(true);
  for (uint32_t id = 1; id <= 100; ++id) {
    v1::Vrf* vrf = batch.add_vrfs();
    vrf->set_id(id);
    vrf->set_router("0.0.0.0");
    vrf->set_label(16 + id);
  }
  for (uint32_t id = 1000; id < 11'000; ++id) {
    v1::TunnelRow* tunnel = batch.add_tunnels();
    tunnel->set_id(id);
    tunnel->set_vrf(1 + id % 100);
    *batch.add_routes() = route_to_tunnel(0x0A000000 | id << 8, id);
  }
  return batch;
}

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

// 1,000 tunnels and as many routes as asked for in one VRF.
v1::TablesBatch internet_snapshot(size_t count) {
  v1::TablesBatch batch;
  batch.set_is_snapshot(true);
  for (const uint32_t id : {1u, 2u}) {
    v1::Vrf* vrf = batch.add_vrfs();
    vrf->set_id(id);
    vrf->set_router("0.0.0.0");
    vrf->set_label(16 + id);
  }
  for (uint32_t id = 1; id <= 1000; ++id) {
    v1::TunnelRow* tunnel = batch.add_tunnels();
    tunnel->set_id(id);
    tunnel->set_vrf(1);
  }
  for (const BenchRoute& route : internet_routes(count)) {
    v1::Route* row = batch.add_routes();
    row->mutable_key()->set_vrf(1);
    const net::Address address = net::Address::v4(route.destination.address);
    row->mutable_key()->set_destination(
        net::Prefix::covering(address, route.destination.length).text());
    row->mutable_next_hop()->mutable_tunnel()->set_tunnel(route.adjacency.index + 1);
  }
  return batch;
}

// What a batch of one route costs that points elsewhere each time.
void internet_one_route(benchmark::State& state) {
  const auto count = static_cast<size_t>(state.range(0));
  v1::TablesBatch snapshot = internet_snapshot(count);
  v1::TablesBatch batch;
  *batch.add_routes() = snapshot.routes(static_cast<int>(count / 2));
  const size_t before = resident_bytes();
  TableBuilder builder;
  std::unique_ptr<const Tables> tables = *builder.apply(snapshot, {});
  state.counters["bytes_per_route"] =
      static_cast<double>(resident_bytes() - before) / static_cast<double>(count);
  uint32_t tunnel = 0;
  for (auto _ : state) {
    batch.mutable_routes(0)->mutable_next_hop()->mutable_tunnel()->set_tunnel(++tunnel % 1000 + 1);
    tables = *builder.apply(batch, {});
  }
  state.counters["bytes_per_route_after"] =
      static_cast<double>(resident_bytes() - before) / static_cast<double>(count);
}
BENCHMARK(internet_one_route)
    ->Arg(1000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMicrosecond);

// A batch of one VRF row beside a VRF with many routes.
void internet_other_row(benchmark::State& state) {
  TableBuilder builder;
  const v1::TablesBatch snapshot = internet_snapshot(static_cast<size_t>(state.range(0)));
  std::unique_ptr<const Tables> tables = *builder.apply(snapshot, {});
  v1::TablesBatch batch;
  *batch.add_vrfs() = snapshot.vrfs(1);
  for (auto _ : state) {
    batch.mutable_vrfs(0)->set_router(state.iterations() % 2 == 0 ? "10.0.0.1" : "10.0.0.2");
    tables = *builder.apply(batch, {});
  }
}
BENCHMARK(internet_other_row)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

void internet_snapshot_again(benchmark::State& state) {
  TableBuilder builder;
  const v1::TablesBatch snapshot = internet_snapshot(static_cast<size_t>(state.range(0)));
  std::unique_ptr<const Tables> tables;
  for (auto _ : state) tables = *builder.apply(snapshot, {});
}
BENCHMARK(internet_snapshot_again)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void batch_snapshot(benchmark::State& state) {
  const v1::TablesBatch snapshot = large_snapshot();
  TableBuilder builder;
  for (auto _ : state) benchmark::DoNotOptimize(builder.apply(snapshot, {}).ok());
}
BENCHMARK(batch_snapshot)->Unit(benchmark::kMillisecond);

void batch_of_one_route(benchmark::State& state) {
  TableBuilder builder;
  FS_CHECK(builder.apply(large_snapshot(), {}).ok());
  v1::TablesBatch batch;
  *batch.add_routes() = route_to_tunnel(0xC0000200, 1000);
  for (auto _ : state) benchmark::DoNotOptimize(builder.apply(batch, {}).ok());
}
BENCHMARK(batch_of_one_route)->Unit(benchmark::kMicrosecond);

// One more tunnel, and one less, among 10,000.
void batch_of_one_tunnel(benchmark::State& state) {
  TableBuilder builder;
  std::unique_ptr<const Tables> tables = *builder.apply(large_snapshot(), {});
  v1::TablesBatch add, remove;
  add.add_tunnels()->set_id(20'000);
  add.mutable_tunnels(0)->set_vrf(1);
  remove.add_removed_tunnels(20'000);
  for (auto _ : state) {
    tables = *builder.apply(add, {});
    tables = *builder.apply(remove, {});
  }
}
BENCHMARK(batch_of_one_tunnel)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace farspan::dataplane

BENCHMARK_MAIN();
