// SPDX-License-Identifier: Apache-2.0
// The five steps of examples/global-offices: after each one, exactly these reach each other and for
// exactly this reason.
#include <gtest/gtest.h>

#include <set>

#include "farspan/compiler/compile.h"
#include "farspan/model/global_offices.h"
#include "farspan/nodestate/delta.h"

namespace farspan::compiler {
namespace {

using model::testing::GlobalOffices;
using model::testing::ip;

struct Host {
  std::string name;
  net::Address address;
};

const std::vector<Host> kHosts = {
    {"office-1", ip("10.10.10.10")},    {"office-2", ip("10.10.20.10")},
    {"office-3", ip("10.20.10.10")},    {"office-4", ip("10.20.20.10")},
    {"app-us-east", ip("172.16.1.10")}, {"app-shanghai", ip("172.17.1.10")}};
const Probe kPing{1, 0}, kWeb{6, 80}, kShell{6, 22}, kDns{17, 53};

// "office-1>office-2" for every pair that gets through.
using Pairs = std::set<std::string>;

Pairs reached(const model::Model& model, const Probe& probe) {
  const auto states = compile(model);
  Pairs pairs;
  for (const Host& from : kHosts) {
    for (const Host& to : kHosts) {
      if (from.name != to.name && reach(states, from.address, to.address, probe).is_reachable) {
        pairs.insert(from.name + ">" + to.name);
      }
    }
  }
  return pairs;
}

Pairs both_ways(std::initializer_list<std::pair<const char*, const char*>> list) {
  Pairs pairs;
  for (const auto& [a, b] : list) {
    pairs.insert(std::string(a) + ">" + b);
    pairs.insert(std::string(b) + ">" + a);
  }
  return pairs;
}

std::string reason(const model::Model& model, const char* from, const char* to,
                   const Probe& probe = kPing) {
  return reach(model, ip(from), ip(to), probe).reason;
}

Pairs operator+(Pairs a, const Pairs& b) {
  a.insert(b.begin(), b.end());
  return a;
}

const Pairs kOfficesOfUsEast = both_ways({{"office-1", "office-2"}});
const Pairs kOfficesOfShanghai = both_ways({{"office-3", "office-4"}});
// Instances may send anywhere by default, and answers to what they sent pass.
const Pairs kUsEastAppOut = {"app-us-east>office-1", "app-us-east>office-2"};
const Pairs kShanghaiAppOut = {"app-shanghai>office-3", "app-shanghai>office-4"};

TEST(Story, Step0NobodyReachesAnybody) {
  EXPECT_EQ(reached(GlobalOffices(0).model, kPing), Pairs{});
}

TEST(Story, Step1OfficesOfUsEastMeetAtTheirGateway) {
  const auto model = GlobalOffices(1).model;
  EXPECT_EQ(reached(model, kPing), kOfficesOfUsEast + kUsEastAppOut);
  EXPECT_EQ(reason(model, "10.10.10.10", "172.16.1.10"),
            "SecurityGroup app-us-east: no rule accepts icmp from 10.10.10.10");
  EXPECT_EQ(reason(model, "10.10.10.10", "10.20.10.10"), "nothing has the address 10.20.10.10");
  EXPECT_EQ(reach(model, ip("10.10.10.10"), ip("10.10.20.10"), kPing).path,
            (std::vector<std::string>{"office-1", "us-east-node", "office-2"}));
}

TEST(Story, Step2ShanghaiLikewise) {
  const auto model = GlobalOffices(2).model;
  EXPECT_EQ(reached(model, kPing),
            kOfficesOfUsEast + kOfficesOfShanghai + kUsEastAppOut + kShanghaiAppOut);
  EXPECT_EQ(reason(model, "10.10.10.10", "10.20.10.10"),
            "Vpc us-east on Node us-east-node: no route to 10.20.10.10 in the gateway's table");
  for (const auto& [node, state] : compile(model))
    EXPECT_EQ(state.tunnels.size(), 2u) << node;  // no link yet
}

TEST(Story, Step3VpcsLearnEachOtherAndOfficesStillDoNotCross) {
  const auto model = GlobalOffices(3).model;
  EXPECT_EQ(reached(model, kPing), reached(GlobalOffices(2).model, kPing));
  EXPECT_EQ(reason(model, "172.16.1.10", "172.17.1.10"),
            "SecurityGroup app-shanghai: no rule accepts icmp from 172.16.1.10");
  EXPECT_EQ(reason(model, "10.10.10.10", "10.20.10.10"),
            "Vpc us-east on Node us-east-node: no route to 10.20.10.10 in the gateway's table");
  for (const auto& [node, state] : compile(model)) EXPECT_EQ(state.tunnels.size(), 3u) << node;

  auto opened =
      GlobalOffices(5).model;  // with the security groups of step 5, without its published routes
  opened.all<model::CenRoute>().clear();
  EXPECT_EQ(reached(opened, kPing), kOfficesOfUsEast + kOfficesOfShanghai +
                                        both_ways({{"app-us-east", "app-shanghai"},
                                                   {"office-1", "app-us-east"},
                                                   {"office-2", "app-us-east"},
                                                   {"office-3", "app-shanghai"},
                                                   {"office-4", "app-shanghai"}}));
}

TEST(Story, Step4OfficesReachEachOtherAcrossTheWorld) {
  const auto model = GlobalOffices(4).model;
  Pairs expected;
  for (const Host& from : kHosts) {
    for (const Host& to : kHosts) {
      const bool is_to_office = to.name.starts_with("office");
      if (from.name != to.name && is_to_office) expected.insert(from.name + ">" + to.name);
    }
  }
  EXPECT_EQ(reached(model, kPing), expected);
  EXPECT_EQ(reach(model, ip("10.10.10.10"), ip("10.20.10.10"), kPing).path,
            (std::vector<std::string>{"office-1", "us-east-node", "shanghai-node", "office-3"}));
  EXPECT_EQ(reason(model, "10.10.10.10", "172.17.1.10"),
            "SecurityGroup app-shanghai: no rule accepts icmp from 10.10.10.10");
}

TEST(Story, Step5EveryOfficeReachesBothAppsByWebAndPingAndNothingElse) {
  const auto model = GlobalOffices(5).model;
  Pairs everyone, to_offices;
  for (const Host& from : kHosts) {
    for (const Host& to : kHosts) {
      if (from.name == to.name) continue;
      everyone.insert(from.name + ">" + to.name);
      if (to.name.starts_with("office")) to_offices.insert(from.name + ">" + to.name);
    }
  }
  EXPECT_EQ(reached(model, kPing), everyone);
  EXPECT_EQ(reached(model, kWeb), everyone);
  EXPECT_EQ(reached(model, kShell), to_offices);
  EXPECT_EQ(reached(model, kDns), to_offices);
  EXPECT_EQ(reason(model, "10.20.10.10", "172.16.1.10", kShell),
            "SecurityGroup app-us-east: no rule accepts tcp 22 from 10.20.10.10");
}

TEST(Story, AFifthOfficeChangesNothingButItsOwnRows) {
  GlobalOffices network(5);
  const auto before = compile(network.model);
  network.office("office-5", "us-east", "198.51.100.15", "10.10.30.0/24");
  network.route("office-5", "us-east", "10.10.30.0/24", "office-5");
  network.publish("office-5", "global", "us-east", "10.10.30.0/24");
  const auto after = compile(network.model);
  const nodestate::TunnelId own(
      network.model.find<model::IpsecConnection>("office-5")->meta.number);
  for (const auto& [node, state] : after) {
    const nodestate::Delta delta = nodestate::diff(before.at(node), state);
    EXPECT_TRUE(delta.ports.empty() && delta.vrfs.empty() && delta.security_groups.empty()) << node;
    EXPECT_TRUE(delta.tunnels.removals.empty() && delta.routes.removals.empty()) << node;
    for (const auto& [id, tunnel] : delta.tunnels.upserts) EXPECT_EQ(id, own) << node;
    EXPECT_FALSE(delta.routes.upserts.empty()) << node;
    for (const auto& [key, next_hop] : delta.routes.upserts)
      EXPECT_EQ(key.destination.text(), "10.10.30.0/24") << node;
  }
}

TEST(Story, WithdrawingAPublishedRouteTakesAwayExactlyItsRows) {
  GlobalOffices network(5);
  const auto before = compile(network.model);
  network.model.all<model::CenRoute>().erase("office-3");
  const auto after = compile(network.model);
  EXPECT_TRUE(nodestate::diff(before.at("shanghai-node"), after.at("shanghai-node")).empty());
  const nodestate::Delta delta =
      nodestate::diff(before.at("us-east-node"), after.at("us-east-node"));
  EXPECT_EQ(delta.routes.removals.size(), 2u);  // from both tables
  for (const auto& key : delta.routes.removals) EXPECT_EQ(key.destination.text(), "10.20.10.0/24");
  EXPECT_TRUE(delta.routes.upserts.empty() && delta.tunnels.empty() && delta.ports.empty());
}

TEST(Story, DeletingEverythingLeavesTheNodesEmpty) {
  const auto states = compile(GlobalOffices(0).model);
  ASSERT_EQ(states.size(), 2u);
  for (const auto& [node, state] : states) {
    nodestate::NodeState empty;
    empty.node = node;
    EXPECT_EQ(state, empty);
  }
}

}  // namespace
}  // namespace farspan::compiler
