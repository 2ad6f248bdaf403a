// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/fib/fib_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace farspan::dataplane {
namespace {

uint32_t draw(std::mt19937& rng) { return static_cast<uint32_t>(rng()); }

constexpr uint32_t ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

FibRoute route(uint32_t address, uint8_t length, uint32_t port) {
  return {{address, length}, std::nullopt, Adjacency::to_port(PortIndex(port))};
}

FibRoute policy_route(Prefix4 destination, Prefix4 source, uint32_t tunnel) {
  return {destination, source, Adjacency::to_tunnel(TunnelIndex(tunnel))};
}

// What the words of fib_table.h say, read literally.
Adjacency naive_lookup(const std::vector<FibRoute>& routes, uint32_t source, uint32_t destination) {
  const FibRoute* best = nullptr;
  const auto rank = [](const FibRoute& r) {
    return std::pair(int{r.destination.length}, r.source ? int{r.source->length} : -1);
  };
  for (const FibRoute& r : routes) {
    if (!r.destination.contains(destination) || (r.source && !r.source->contains(source))) continue;
    if (best == nullptr || rank(r) > rank(*best)) best = &r;
  }
  return best == nullptr ? Adjacency::none() : best->adjacency;
}

// Random routes that nest: addresses are drawn close to each other, lengths from /0 to /32.
std::vector<FibRoute> random_routes(std::mt19937& rng, size_t count, bool has_policies) {
  std::map<std::tuple<Prefix4, bool, Prefix4>, FibRoute> routes;
  const auto prefix = [&](uint32_t mask) {
    const auto length = static_cast<uint8_t>(draw(rng) % 33);
    return Prefix4{(ip(10, 0, 0, 0) ^ (draw(rng) & mask)) & Prefix4::mask(length), length};
  };
  const uint32_t masks[] = {0xFFFFFFFF, 0x0003FFFF, 0x00FF00FF, 0xFFFF};
  while (routes.size() < count) {
    FibRoute r{prefix(masks[draw(rng) % 4]), std::nullopt,
               Adjacency::to_port(PortIndex(draw(rng) % 50))};
    if (has_policies && draw(rng) % 3 == 0) r.source = prefix(0x0000FFFF);
    routes.emplace(std::tuple(r.destination, r.source.has_value(), r.source.value_or(Prefix4{})),
                   r);
  }
  std::vector<FibRoute> shuffled;
  for (const auto& [key, r] : routes) shuffled.push_back(r);
  std::shuffle(shuffled.begin(), shuffled.end(), rng);
  return shuffled;
}

void expect_agreement(std::mt19937& rng, const std::vector<FibRoute>& routes, int lookups) {
  const FibTable table = FibTable::build(routes);
  for (int i = 0; i < lookups; ++i) {
    // at the edges of prefixes, where mistakes live, and anywhere
    const Prefix4& near = routes[draw(rng) % routes.size()].destination;
    const uint32_t edges[] = {near.address, near.address - 1,
                              near.address | ~Prefix4::mask(near.length),
                              (near.address | ~Prefix4::mask(near.length)) + 1, draw(rng)};
    const uint32_t destination = edges[draw(rng) % 5];
    const uint32_t source = ip(10, 0, 0, 0) ^ (draw(rng) & 0xFFFF);
    ASSERT_EQ(table.lookup(source, destination), naive_lookup(routes, source, destination))
        << routes.size() << " routes, from " << source << " to " << destination;
  }
}

}  // namespace

TEST(FibTable, AnEmptyOneKnowsNoRoute) {
  EXPECT_EQ(FibTable().lookup(1, 2), Adjacency::none());
  EXPECT_EQ(FibTable::build({}).lookup(1, 2), Adjacency::none());
}

TEST(FibTable, TheLongestPrefixWins) {
  const FibTable table = FibTable::build(std::vector{
      route(0, 0, 1), route(ip(10, 0, 0, 0), 8, 2), route(ip(10, 0, 0, 0), 24, 3),
      route(ip(10, 0, 0, 255), 32, 4), route(ip(255, 255, 255, 255), 32, 5), route(0, 32, 6)});
  const auto port_to = [&](uint32_t destination) { return table.lookup(0, destination).index; };
  EXPECT_EQ(port_to(0), 6u);
  EXPECT_EQ(port_to(1), 1u);
  EXPECT_EQ(port_to(ip(10, 0, 0, 0)), 3u);
  EXPECT_EQ(port_to(ip(10, 0, 0, 254)), 3u);
  EXPECT_EQ(port_to(ip(10, 0, 0, 255)), 4u);
  EXPECT_EQ(port_to(ip(10, 0, 1, 0)), 2u);
  EXPECT_EQ(port_to(ip(11, 0, 0, 0)), 1u);
  EXPECT_EQ(port_to(ip(255, 255, 255, 254)), 1u);
  EXPECT_EQ(port_to(ip(255, 255, 255, 255)), 5u);
}

TEST(FibTable, TheLongestSourceIsTriedBeforeThePlainRoute) {
  const Prefix4 destination{ip(10, 10, 0, 0), 16};
  std::vector<FibRoute> routes = {
      policy_route(destination, {ip(172, 16, 0, 0), 16}, 1),
      policy_route(destination, {ip(172, 16, 1, 0), 24}, 2),
      {destination, std::nullopt, Adjacency::to_tunnel(TunnelIndex(3), 17)},
  };
  const FibTable table = FibTable::build(routes);
  EXPECT_EQ(table.lookup(ip(172, 16, 1, 1), ip(10, 10, 0, 1)),
            Adjacency::to_tunnel(TunnelIndex(2)));
  EXPECT_EQ(table.lookup(ip(172, 16, 2, 1), ip(10, 10, 0, 1)),
            Adjacency::to_tunnel(TunnelIndex(1)));
  EXPECT_EQ(table.lookup(ip(192, 168, 0, 1), ip(10, 10, 0, 1)),
            Adjacency::to_tunnel(TunnelIndex(3), 17));
}

TEST(FibTable, WithoutAMatchingSourceTheShorterDestinationIsAsked) {
  const FibTable table = FibTable::build(
      std::vector{route(0, 0, 9), policy_route({ip(10, 0, 0, 0), 8}, {ip(1, 0, 0, 0), 8}, 1),
                  policy_route({ip(10, 1, 0, 0), 16}, {ip(2, 0, 0, 0), 8}, 2)});
  EXPECT_EQ(table.lookup(ip(2, 0, 0, 1), ip(10, 1, 0, 1)).index, 2u);
  EXPECT_EQ(table.lookup(ip(1, 0, 0, 1), ip(10, 1, 0, 1)).index, 1u);
  EXPECT_EQ(table.lookup(ip(3, 0, 0, 1), ip(10, 1, 0, 1)).index, 9u);
}

TEST(FibTable, AgreesWithALinearSearchOnRandomRoutes) {
  std::mt19937 rng(4632);
  for (int round = 0; round < 400; ++round) {
    expect_agreement(rng, random_routes(rng, 1 + draw(rng) % 40, round % 2 == 0), 200);
  }
  for (int round = 0; round < 20; ++round) {
    expect_agreement(rng, random_routes(rng, 500 + draw(rng) % 1500, round % 2 == 0), 2000);
  }
}

TEST(FibTable, HostRoutesOfAFullSubnetStaySmall) {
  std::vector<FibRoute> routes;
  for (uint32_t i = 0; i < 10'000; ++i) routes.push_back(route(ip(172, 16, 0, 0) + i, 32, i));
  routes.push_back({{ip(172, 16, 0, 0), 12}, std::nullopt, Adjacency::unreachable()});
  const FibTable table = FibTable::build(routes);
  for (uint32_t i = 0; i < 10'000; ++i) {
    ASSERT_EQ(table.lookup(0, ip(172, 16, 0, 0) + i), Adjacency::to_port(PortIndex(i)));
  }
  EXPECT_EQ(table.lookup(0, ip(172, 16, 39, 16)), Adjacency::unreachable());
  EXPECT_LT(table.size_bytes(), 128u << 10);
}

}  // namespace farspan::dataplane
