// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/fib/route_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace farspan::dataplane {
namespace {

uint32_t draw(std::mt19937& rng) { return static_cast<uint32_t>(rng()); }

constexpr uint32_t ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

struct FibRoute {
  Prefix4 destination;
  std::optional<Prefix4> source;
  Adjacency adjacency;
};

std::shared_ptr<const FibTable> table_of(const std::vector<FibRoute>& routes) {
  RouteTable table;
  for (const FibRoute& r : routes) table.set({r.destination, r.source}, r.adjacency);
  return table.publish();
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

void expect_agreement(std::mt19937& rng, const FibTable& table, const std::vector<FibRoute>& routes,
                      int lookups) {
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

TEST(RouteTable, AnEmptyOneKnowsNoRoute) {
  EXPECT_EQ(FibTable().lookup(1, 2), Adjacency::none());
  EXPECT_EQ(table_of({})->lookup(1, 2), Adjacency::none());
}

TEST(RouteTable, TheLongestPrefixWins) {
  const auto kept = table_of({route(0, 0, 1), route(ip(10, 0, 0, 0), 8, 2),
                              route(ip(10, 0, 0, 0), 24, 3), route(ip(10, 0, 0, 255), 32, 4),
                              route(ip(255, 255, 255, 255), 32, 5), route(0, 32, 6)});
  const FibTable& table = *kept;
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

TEST(RouteTable, TheLongestSourceIsTriedBeforeThePlainRoute) {
  const Prefix4 destination{ip(10, 10, 0, 0), 16};
  std::vector<FibRoute> routes = {
      policy_route(destination, {ip(172, 16, 0, 0), 16}, 1),
      policy_route(destination, {ip(172, 16, 1, 0), 24}, 2),
      {destination, std::nullopt, Adjacency::to_tunnel(TunnelIndex(3), 17)},
  };
  const auto kept = table_of(routes);
  const FibTable& table = *kept;
  EXPECT_EQ(table.lookup(ip(172, 16, 1, 1), ip(10, 10, 0, 1)),
            Adjacency::to_tunnel(TunnelIndex(2)));
  EXPECT_EQ(table.lookup(ip(172, 16, 2, 1), ip(10, 10, 0, 1)),
            Adjacency::to_tunnel(TunnelIndex(1)));
  EXPECT_EQ(table.lookup(ip(192, 168, 0, 1), ip(10, 10, 0, 1)),
            Adjacency::to_tunnel(TunnelIndex(3), 17));
}

TEST(RouteTable, WithoutAMatchingSourceTheShorterDestinationIsAsked) {
  const auto kept =
      table_of({route(0, 0, 9), policy_route({ip(10, 0, 0, 0), 8}, {ip(1, 0, 0, 0), 8}, 1),
                policy_route({ip(10, 1, 0, 0), 16}, {ip(2, 0, 0, 0), 8}, 2)});
  const FibTable& table = *kept;
  EXPECT_EQ(table.lookup(ip(2, 0, 0, 1), ip(10, 1, 0, 1)).index, 2u);
  EXPECT_EQ(table.lookup(ip(1, 0, 0, 1), ip(10, 1, 0, 1)).index, 1u);
  EXPECT_EQ(table.lookup(ip(3, 0, 0, 1), ip(10, 1, 0, 1)).index, 9u);
}

TEST(RouteTable, AgreesWithALinearSearchOnRandomRoutes) {
  std::mt19937 rng(4632);
  for (int round = 0; round < 400; ++round) {
    const auto routes = random_routes(rng, 1 + draw(rng) % 60, round % 2 == 0);
    expect_agreement(rng, *table_of(routes), routes, 200);
  }
  for (int round = 0; round < 20; ++round) {
    const auto routes = random_routes(rng, 500 + draw(rng) % 1500, round % 2 == 0);
    expect_agreement(rng, *table_of(routes), routes, 2000);
  }
}

// A table is changed a few routes at a time, grows over the border between its forms and shrinks to
// nothing; what was published before answers as it did.
TEST(RouteTable, AgreesWithALinearSearchAfterEachChange) {
  std::mt19937 rng(8);
  for (const size_t most : {20u, 60u, 400u}) {
    const std::vector<FibRoute> pool = random_routes(rng, most, true);
    RouteTable table;
    std::vector<FibRoute> present;
    struct Version {
      std::shared_ptr<const FibTable> table;
      std::vector<FibRoute> routes;
    };
    std::vector<Version> versions;
    for (int round = 0; round < 300; ++round) {
      const bool is_growing = round / 40 % 2 == 0 && round < 260;
      for (uint32_t n = draw(rng) % 8; n > 0; --n) {
        FibRoute route = pool[draw(rng) % pool.size()];
        const auto same = std::find_if(present.begin(), present.end(), [&](const FibRoute& r) {
          return r.destination == route.destination && r.source == route.source;
        });
        if (same != present.end()) present.erase(same);
        route.adjacency = Adjacency::none();
        if (is_growing || draw(rng) % 4 == 0) {
          route.adjacency = Adjacency::to_port(PortIndex(draw(rng) % 50));
          present.push_back(route);
        }
        table.set({route.destination, route.source}, route.adjacency);
        ASSERT_EQ(table.find({route.destination, route.source}), route.adjacency);
        ASSERT_EQ(table.size(), present.size());
      }
      versions.push_back({table.publish(), present});
      if (versions.size() > 5) versions.erase(versions.begin() + draw(rng) % 5);
      for (const Version& version : versions) {
        if (!version.routes.empty()) expect_agreement(rng, *version.table, version.routes, 20);
      }
    }
    size_t visited = 0;
    table.for_each([&](const RouteKey& key, Adjacency adjacency) {
      ++visited;
      EXPECT_EQ(table.find(key), adjacency);
    });
    EXPECT_EQ(visited, present.size());
    for (const FibRoute& r : present) table.set({r.destination, r.source}, Adjacency::none());
    EXPECT_EQ(table.size(), 0u);
    EXPECT_LT(table.publish()->size_bytes(), 16384u) << "nodes without routes were kept";
  }
}

TEST(RouteTable, AVersionOutlivesTheRoutesItWasMadeOf) {
  std::mt19937 rng(9);
  const auto routes = random_routes(rng, 300, true);
  auto table = std::make_unique<RouteTable>();
  for (const FibRoute& r : routes) table->set({r.destination, r.source}, r.adjacency);
  const auto first = table->publish();
  for (const FibRoute& r : routes) table->set({r.destination, r.source}, Adjacency::to_router());
  const auto second = table->publish();
  table.reset();
  expect_agreement(rng, *first, routes, 2000);
  EXPECT_EQ(second->lookup(0, routes[0].destination.address).kind, AdjacencyKind::kRouter);
}

TEST(RouteTable, AChangeSharesAllButItsNode) {
  RouteTable table;
  for (uint32_t i = 0; i < 60'000; ++i)
    table.set({{ip(10, 0, 0, 0) + (i << 8), 24}, std::nullopt}, Adjacency::to_router());
  auto before = table.publish();
  const size_t bytes = before->size_bytes();
  // every version but the last is kept alive, so all that is not shared adds up
  table.set({{ip(10, 7, 7, 0), 24}, std::nullopt}, Adjacency::unreachable());
  const auto after = table.publish();
  EXPECT_EQ(after->lookup(0, ip(10, 7, 7, 7)), Adjacency::unreachable());
  EXPECT_EQ(before->lookup(0, ip(10, 7, 7, 7)), Adjacency::to_router());
  EXPECT_LT(after->size_bytes(), bytes + 64);
}

TEST(RouteTable, HostRoutesOfAFullSubnetStaySmall) {
  std::vector<FibRoute> routes;
  for (uint32_t i = 0; i < 10'000; ++i) routes.push_back(route(ip(172, 16, 0, 0) + i, 32, i));
  routes.push_back({{ip(172, 16, 0, 0), 12}, std::nullopt, Adjacency::unreachable()});
  const auto kept = table_of(routes);
  const FibTable& table = *kept;
  for (uint32_t i = 0; i < 10'000; ++i) {
    ASSERT_EQ(table.lookup(0, ip(172, 16, 0, 0) + i), Adjacency::to_port(PortIndex(i)));
  }
  EXPECT_EQ(table.lookup(0, ip(172, 16, 39, 16)), Adjacency::unreachable());
  EXPECT_LT(table.size_bytes(), 128u << 10);
}

}  // namespace farspan::dataplane
