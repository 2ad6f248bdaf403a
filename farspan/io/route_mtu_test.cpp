// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/route_mtu.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>

#include <cstdlib>
#include <thread>

namespace farspan::io {
namespace {

constexpr uint32_t kPeer = 0xC0000202, kNearPeer = 0xC6336402;  // 192.0.2.2, 198.51.100.2

bool run(const char* command) { return std::system(command) == 0; }

TEST(RouteMtu, IsThatOfTheInterfaceAndAtMostWhatAHeaderCanSay) {
  const auto routes = RouteMtu::open();
  ASSERT_TRUE(routes.ok());
  EXPECT_EQ(routes->to(0x7F000001), 65535u);  // the loopback link has 65536
}

TEST(RouteMtu, FollowsRoutesAndInterfaces) {
  bool is_there = false;
  std::thread([&] {
    is_there = ::unshare(CLONE_NEWNET) == 0;
    if (!is_there) return;
    ASSERT_TRUE(
        run("ip link add wan type veth peer name far && ip addr add 192.0.2.1/24 dev wan && "
            "ip link set wan up && ip link set far up"));
    const auto routes = RouteMtu::open();
    ASSERT_TRUE(routes.ok());
    EXPECT_EQ(routes->to(kPeer), 1500u);
    EXPECT_EQ(routes->to(kNearPeer), std::nullopt);
    const auto is_told = [&] {
      pollfd change{routes->fd(), POLLIN, 0};
      const bool has_news = ::poll(&change, 1, 0) == 1;
      routes->take_changes();
      return has_news;
    };
    ASSERT_TRUE(run("ip route add 198.51.100.0/24 via 192.0.2.2 mtu 1400"));
    EXPECT_TRUE(is_told());
    EXPECT_EQ(routes->to(kNearPeer), 1400u);
    EXPECT_EQ(routes->to(kPeer), 1500u);
    EXPECT_FALSE(is_told()) << "asking is no change";
    ASSERT_TRUE(run("ip link set wan mtu 1300"));
    EXPECT_TRUE(is_told());
    EXPECT_EQ(routes->to(kPeer), 1300u);
    EXPECT_EQ(routes->to(kNearPeer), 1300u) << "the smaller of both";
    ASSERT_TRUE(run("ip route del 198.51.100.0/24"));
    EXPECT_TRUE(is_told());
    EXPECT_EQ(routes->to(kNearPeer), std::nullopt);
  }).join();
  if (!is_there) GTEST_SKIP() << "may not make a network namespace";
}

}  // namespace
}  // namespace farspan::io
