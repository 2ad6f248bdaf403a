// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "farspan/nodestate/random_state.h"
#include "farspan/nodestate/wire/wire.h"

namespace farspan::nodestate::wire {
namespace {

TEST(StateDigest, FollowsEveryChangeToTheDigestOfWhatCameOut) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    RandomState random(seed);
    const NodeState a = random.next(1), b = random.next(1);
    StateDigest digest(a);
    digest.follow(a, diff(a, b));
    EXPECT_EQ(digest, StateDigest(b));
    digest.follow(b, diff(b, a));
    EXPECT_EQ(digest, StateDigest(a));
  }
}

TEST(StateDigest, IsThatOfTheRowsAndTheNodeWhateverTheGeneration) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    RandomState random(seed);
    const NodeState a = random.next(1);
    NodeState b = random.next(1);
    EXPECT_EQ(digest_of(a) == digest_of(b), diff(a, b).empty() && a.node == b.node);
    b = a;
    b.generation += 7;
    EXPECT_EQ(digest_of(a), digest_of(b));
    b.node += "x";
    EXPECT_NE(digest_of(a), digest_of(b));
  }
}

// Each part of a route counts: two routes that differ in one are told apart, also when they are
// exchanged.
TEST(StateDigest, TellsRoutesApartThatDifferInOnePart) {
  const net::Prefix to = net::Prefix::covering(net::Address::v4(0x0a000000), 24);
  const RouteKey key{VrfId(1), TableKind::kVpc, to, std::nullopt};
  std::vector<std::pair<RouteKey, NextHop>> routes = {
      {key, ToTunnel{TunnelId(1), Label(17)}},
      {key, ToTunnel{TunnelId(1), std::nullopt}},
      {key, ToTunnel{TunnelId(2), Label(17)}},
      {key, ToPort{PortId(1)}},
      {key, ToRouter{}},
      {key, Unreachable{}},
  };
  for (const RouteKey& other :
       {RouteKey{VrfId(2), TableKind::kVpc, to, std::nullopt},
        RouteKey{VrfId(1), TableKind::kGateway, to, std::nullopt},
        RouteKey{VrfId(1), TableKind::kVpc, to, net::Prefix()},
        RouteKey{VrfId(1), TableKind::kVpc, to, to},
        RouteKey{VrfId(1), TableKind::kVpc, net::Prefix::covering(to.address(), 25), std::nullopt}})
    routes.emplace_back(other, ToRouter{});
  std::set<std::string> digests;
  for (const auto& [route, next_hop] : routes) {
    NodeState state;
    state.routes.emplace(route, next_hop);
    EXPECT_TRUE(digests.insert(digest_of(state)).second);
  }
}

}  // namespace
}  // namespace farspan::nodestate::wire
