// SPDX-License-Identifier: Apache-2.0
// tables_bench: what finding the next hop, the flow and the rule of a packet costs, and what a
// batch costs.
//
// Addresses are drawn before the measured loop, so that a lookup does not wait for the one before
// it, as in a batch of packets.
#include <benchmark/benchmark.h>

#include <random>

#include "farspan/dataplane/control/table_builder.h"
#include "farspan/dataplane/fib/fib_table.h"
#include "farspan/dataplane/flow/flow_table.h"
#include "farspan/dataplane/policy/rule_set.h"
#include "farspan/net/address.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {
namespace {

constexpr size_t kDrawn = 1 << 16;

uint32_t draw(std::mt19937& rng) { return static_cast<uint32_t>(rng()); }

// Offices' /24s inside 10/8, as a VPC with many connections has.
std::vector<FibRoute> office_routes(size_t count) {
  std::vector<FibRoute> routes = {{{0, 0}, std::nullopt, Adjacency::to_router()}};
  for (uint32_t i = 0; routes.size() < count; ++i) {
    const uint32_t address = 0x0A000000 | (i * 40503 % 65536) << 8;
    routes.push_back({{address, 24}, std::nullopt, Adjacency::to_tunnel(TunnelIndex(i))});
  }
  return routes;
}

void fib_lookup(benchmark::State& state) {
  std::mt19937 rng(1);
  const auto routes = office_routes(static_cast<size_t>(state.range(0)));
  const FibTable table = FibTable::build(routes);
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

void fib_build(benchmark::State& state) {
  const auto routes = office_routes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(FibTable::build(routes));
}
BENCHMARK(fib_build)->Arg(8)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMicrosecond);

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
      table.touch(hit, std::chrono::seconds(2), 0x10, 1, 1400);
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
BENCHMARK(batch_of_one_route)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace farspan::dataplane

BENCHMARK_MAIN();
