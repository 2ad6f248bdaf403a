// SPDX-License-Identifier: Apache-2.0
// Routes one by one: what wins, what loses and why, and what the rows look like on one node and on
// several.
#include <gtest/gtest.h>
#include <time.h>

#include "farspan/compiler/compile.h"
#include "farspan/model/global_offices.h"

namespace farspan::compiler {
namespace {

using model::testing::cidr;
using model::testing::GlobalOffices;
using model::testing::ip;
using nodestate::TableKind;
using Lines = std::vector<std::string>;

// "172.17.1.0/24 cen active Vpc shanghai vpc: learned through …"
Lines explained(const model::Model& model, const char* vpc) {
  Lines lines;
  for (const CandidateRoute& route : explain_routes(model, vpc)) {
    static constexpr const char* kOrigins[] = {"system", "vpn", "cen"};
    std::string line = route.destination.text();
    if (route.source) line += " from " + route.source->text();
    line += std::string(" ") + kOrigins[static_cast<int>(route.origin)];
    line += route.state == RouteState::kActive ? " active " : " rejected ";
    line += route.next_hop + (route.is_in_vpc ? " vpc" : " gateway") +
            (route.is_published_to_cen ? " published" : "");
    lines.push_back(line + ": " + route.reason);
  }
  return lines;
}

// "port", "router", "tunnel 12", "link us-east-node label 22", "unreachable" or "none".
std::string hop(const model::Model& model, const char* node, const char* vpc, TableKind table,
                const char* destination) {
  const auto state = compile(model).at(node);
  const nodestate::VrfId vrf(model.find<model::Vpc>(vpc)->meta.number);
  const auto row = state.routes.find({vrf, table, cidr(destination), std::nullopt});
  if (row == state.routes.end()) return "none";
  if (const auto* port = std::get_if<nodestate::ToPort>(&row->second))
    return "port " + state.ports.at(port->port).instance;
  if (std::holds_alternative<nodestate::ToRouter>(row->second)) return "router";
  if (std::holds_alternative<nodestate::Unreachable>(row->second)) return "unreachable";
  const auto& to = std::get<nodestate::ToTunnel>(row->second);
  const auto& use = state.tunnels.at(to.tunnel).use;
  if (const auto* office = std::get_if<nodestate::OfficeTunnel>(&use))
    return "tunnel " + office->connection;
  return "link " + std::get<nodestate::LinkTunnel>(use).peer_node + " label " +
         to_string(*to.label);
}

std::string label(const model::Model& model, const char* vpc) {
  return std::to_string(16 + model.find<model::Vpc>(vpc)->meta.number);
}

TEST(Routes, OfAVpcInACenExplainThemselves) {
  EXPECT_EQ(explained(GlobalOffices(4).model, "us-east"),
            (Lines{"10.10.10.0/24 vpn active IpsecConnection office-1 vpc published: VpnRoute "
                   "office-1, published to the Vpc",
                   "10.10.20.0/24 vpn active IpsecConnection office-2 vpc published: VpnRoute "
                   "office-2, published to the Vpc",
                   "10.20.10.0/24 cen active Vpc shanghai vpc: learned through Cen global: "
                   "published route to IpsecConnection office-3",
                   "10.20.20.0/24 cen active Vpc shanghai vpc: learned through Cen global: "
                   "published route to IpsecConnection office-4",
                   "172.16.1.0/24 system active local vpc published: VSwitch us-east-apps",
                   "172.17.1.0/24 cen active Vpc shanghai vpc: learned through Cen global: VSwitch "
                   "shanghai-apps"}));
  EXPECT_TRUE(explained(GlobalOffices(4).model, "atlantis").empty());
}

TEST(Routes, OfAConnectionWithoutVpnRouteServeOnlyItsGateway) {
  GlobalOffices network(1);
  network.model.all<model::VpnRoute>().erase("office-2");
  EXPECT_EQ(explained(network.model, "us-east"),
            (Lines{"10.10.10.0/24 vpn active IpsecConnection office-1 vpc: VpnRoute office-1, "
                   "published to the Vpc",
                   "10.10.20.0/24 vpn active IpsecConnection office-2 gateway: remote subnet of "
                   "the connection, only for the gateway",
                   "172.16.1.0/24 system active local vpc: VSwitch us-east-apps"}));
  EXPECT_EQ(hop(network.model, "us-east-node", "us-east", TableKind::kVpc, "10.10.20.0/24"),
            "none");
  EXPECT_EQ(hop(network.model, "us-east-node", "us-east", TableKind::kGateway, "10.10.20.0/24"),
            "tunnel office-2");
}

TEST(Routes, OfDestinationRoutingModeAreOnlyTheDeclaredOnes) {
  GlobalOffices network(1);
  network.model.all<model::IpsecConnection>()["office-1"].remote_subnets = {cidr("0.0.0.0/0")};
  EXPECT_EQ(hop(network.model, "us-east-node", "us-east", TableKind::kGateway, "0.0.0.0/0"),
            "none");
  EXPECT_EQ(hop(network.model, "us-east-node", "us-east", TableKind::kGateway, "10.10.10.0/24"),
            "tunnel office-1");
}

TEST(Routes, LeadOverALinkToTheVpcThatOwnsTheDestination) {
  const auto model = GlobalOffices(4).model;
  const std::string link = "link shanghai-node label " + label(model, "shanghai");
  for (const TableKind table : {TableKind::kVpc, TableKind::kGateway}) {
    EXPECT_EQ(hop(model, "us-east-node", "us-east", table, "172.17.1.0/24"), link);
    EXPECT_EQ(hop(model, "us-east-node", "us-east", table, "10.20.10.0/24"), link);
    EXPECT_EQ(hop(model, "us-east-node", "us-east", table, "172.16.1.0/24"), "unreachable");
    EXPECT_EQ(hop(model, "us-east-node", "us-east", table, "172.16.1.253/32"), "router");
    EXPECT_EQ(hop(model, "us-east-node", "us-east", table, "172.16.1.10/32"), "port app-us-east");
  }
}

TEST(Routes, OfAVpcOnSeveralNodesLeadToWhereTheInstanceRuns) {
  GlobalOffices network(5);
  network.node("us-east-2", "us-east", "203.0.113.7");
  network.instance("db", "us-east-apps", "172.16.1.11", "app-us-east", "us-east-2");
  const auto& model = network.model;
  const std::string vpc = label(model, "us-east");
  EXPECT_EQ(hop(model, "us-east-node", "us-east", TableKind::kVpc, "172.16.1.11/32"),
            "link us-east-2 label " + vpc);
  EXPECT_EQ(hop(model, "us-east-2", "us-east", TableKind::kVpc, "172.16.1.11/32"), "port db");
  EXPECT_EQ(hop(model, "us-east-2", "us-east", TableKind::kVpc, "172.16.1.10/32"),
            "link us-east-node label " + vpc);
  EXPECT_EQ(hop(model, "us-east-2", "us-east", TableKind::kVpc, "10.10.10.0/24"),
            "link us-east-node label " + vpc);
  EXPECT_EQ(hop(model, "us-east-2", "us-east", TableKind::kVpc, "10.20.10.0/24"),
            "link shanghai-node label " + label(model, "shanghai"));
  EXPECT_EQ(hop(model, "us-east-2", "us-east", TableKind::kGateway, "10.10.10.0/24"),
            "none");  // no office arrives there
  EXPECT_EQ(hop(model, "shanghai-node", "shanghai", TableKind::kVpc, "172.16.1.0/24"),
            "link us-east-node label " + vpc);
  EXPECT_EQ(hop(model, "shanghai-node", "shanghai", TableKind::kVpc, "172.16.1.11/32"),
            "link us-east-2 label " + vpc);
  EXPECT_EQ(reach(model, ip("10.20.10.10"), ip("172.16.1.11"), {6, 80}).path,
            (Lines{"office-3", "shanghai-node", "us-east-2", "db"}));
}

TEST(Routes, BetweenTwoVpcsOfOneNodeNeedNoLink) {
  GlobalOffices network(5);
  network.vpc("lab", "us-east", "172.20.0.0/16");
  network.vswitch("lab", "lab", "172.20.1.0/24");
  auto& rules = network.group("lab", "lab").rules;
  rules.push_back({});
  rules.back().peer = cidr("0.0.0.0/0");
  network.instance("lab", "lab", "172.20.1.10", "lab", "us-east-node");
  network.attach("global", "lab");
  const auto& model = network.model;
  EXPECT_EQ(hop(model, "us-east-node", "lab", TableKind::kVpc, "172.16.1.10/32"),
            "port app-us-east");
  EXPECT_EQ(hop(model, "us-east-node", "lab", TableKind::kVpc, "172.16.1.0/24"), "unreachable");
  EXPECT_EQ(hop(model, "us-east-node", "lab", TableKind::kVpc, "10.10.10.0/24"), "tunnel office-1");
  EXPECT_EQ(hop(model, "us-east-node", "us-east", TableKind::kGateway, "172.20.1.10/32"),
            "port lab");
  EXPECT_EQ(hop(model, "shanghai-node", "shanghai", TableKind::kVpc, "172.20.1.0/24"),
            "link us-east-node label " + label(model, "lab"));
  EXPECT_TRUE(reach(model, ip("10.10.10.10"), ip("172.20.1.10"), {1, 0}).is_reachable);
  EXPECT_TRUE(reach(model, ip("10.20.10.10"), ip("172.20.1.10"), {1, 0}).is_reachable);

  // Both are in one flow domain, so an answer needs no rule of its own: the lab may ask, and nobody
  // may ask the lab.
  const auto vrfs = compile(model).at("us-east-node").vrfs;
  for (const auto& [id, vrf] : vrfs)
    EXPECT_EQ(vrf.flow_domain, model.find<model::Cen>("global")->meta.number);
  network.group("lab", "lab").rules.clear();
  network.group("app-us-east", "us-east").rules.emplace_back().peer = cidr("172.20.1.0/24");
  EXPECT_TRUE(reach(model, ip("172.20.1.10"), ip("172.16.1.10"), {6, 80}).is_reachable);
  EXPECT_FALSE(reach(model, ip("172.16.1.10"), ip("172.20.1.10"), {6, 80}).is_reachable);
}

TEST(Routes, WithASourceServeOnlyThatSource) {
  GlobalOffices network(1);
  network.model.all<model::VpnRoute>().erase("office-1");
  network.route("policy", "us-east", "10.10.10.0/24", "office-1").source = cidr("172.16.1.0/28");
  network.instance("db", "us-east-apps", "172.16.1.20", "app-us-east", "us-east-node");
  EXPECT_TRUE(reach(network.model, ip("172.16.1.10"), ip("10.10.10.10"), {1, 0}).is_reachable);
  EXPECT_EQ(reach(network.model, ip("172.16.1.20"), ip("10.10.10.10"), {1, 0}).reason,
            "Vpc us-east on Node us-east-node: no route to 10.10.10.10");
  EXPECT_EQ(explained(network.model, "us-east")[0],
            "10.10.10.0/24 vpn active IpsecConnection office-1 gateway: remote subnet of the "
            "connection, only for the gateway");
  EXPECT_EQ(explained(network.model, "us-east")[1],
            "10.10.10.0/24 from 172.16.1.0/28 vpn active IpsecConnection office-1 vpc: VpnRoute "
            "policy, published to the Vpc");
}

TEST(Routes, WithASourceAreNeverToldToTheCen) {
  GlobalOffices network(4);
  network.route("policy", "shanghai", "10.20.10.0/24", "office-3").source = cidr("172.17.1.0/24");
  size_t learned = 0;
  for (const CandidateRoute& route : explain_routes(network.model, "us-east")) {
    if (route.destination == cidr("10.20.10.0/24")) ++learned;
    EXPECT_FALSE(route.source.has_value());
  }
  EXPECT_EQ(learned, 1u);
}

// Admission refuses networks that overlap inside a Cen. Should they ever get past it, these rules
// decide.
TEST(Conflicts, ALearnedRouteInsideALocalVSwitchIsRejected) {
  GlobalOffices network(4);
  network.vswitch("wide", "us-east", "10.20.0.0/16");
  const auto lines = explained(network.model, "us-east");
  EXPECT_EQ(lines[2], "10.20.0.0/16 system active local vpc published: VSwitch wide");
  EXPECT_EQ(lines[3],
            "10.20.10.0/24 cen rejected Vpc shanghai vpc: more specific than the local VSwitch "
            "wide (10.20.0.0/16)");
  EXPECT_EQ(hop(network.model, "us-east-node", "us-east", TableKind::kVpc, "10.20.10.0/24"),
            "none");
  network.vswitch("same", "us-east", "172.17.1.0/24");
  EXPECT_EQ(explained(network.model, "us-east").back(),
            "172.17.1.0/24 cen rejected Vpc shanghai vpc: equal to the local VSwitch same "
            "(172.17.1.0/24)");
}

TEST(Conflicts, AWiderLearnedRouteIsTakenButNotForLocalAddresses) {
  GlobalOffices network(3);
  network.vswitch("narrow", "us-east", "172.17.1.0/28");  // holds the address of app-shanghai
  EXPECT_EQ(hop(network.model, "us-east-node", "us-east", TableKind::kVpc, "172.17.1.0/24"),
            "link shanghai-node label " + label(network.model, "shanghai"));
  network.node("shanghai-2", "shanghai", "203.0.113.8");
  network.instance("far", "shanghai-apps", "172.17.1.12", "app-shanghai", "shanghai-2");
  EXPECT_EQ(hop(network.model, "us-east-node", "us-east", TableKind::kVpc, "172.17.1.12/32"),
            "none");
}

TEST(Conflicts, ALocalVpnRouteStaysAndTheLearnedOneIsRejected) {
  GlobalOffices network(4);
  network.office("office-9", "us-east", "198.51.100.19", "10.20.10.0/24");
  const auto lines = explained(network.model, "us-east");
  EXPECT_EQ(lines[2],
            "10.20.10.0/24 vpn active IpsecConnection office-9 gateway: remote subnet of the "
            "connection, only for the gateway");
  EXPECT_EQ(lines[3],
            "10.20.10.0/24 cen rejected Vpc shanghai vpc: a local route to IpsecConnection "
            "office-9 has the same destination");
}

// RFC 3704 §2.3: packets may come by the second connection, though none is sent by it.
TEST(Conflicts, AConnectionWhoseRouteAnotherOneHasIsAFeasiblePath) {
  GlobalOffices network(4);
  network.office("standby", "us-east", "198.51.100.19", "10.10.10.0/24");
  const auto sources = [&](const char* name) {
    const auto state = compile(network.model).at("us-east-node");
    const auto* connection = network.model.find<model::IpsecConnection>(name);
    const auto& tunnel = state.tunnels.at(nodestate::TunnelId(connection->meta.number));
    return std::get<nodestate::OfficeTunnel>(tunnel.use).feasible_sources;
  };
  EXPECT_EQ(sources("standby"), std::vector{cidr("10.10.10.0/24")});
  EXPECT_EQ(sources("office-1"), std::vector<net::Prefix>{});
}

TEST(Conflicts, OfTwoEqualAnnouncementsTheOlderVpcWins) {
  GlobalOffices network(4);
  network.region("eu");
  network.node("eu-node", "eu", "203.0.113.9");
  network.vpc("aa", "eu", "172.17.0.0/16");  // first by name, last by number
  network.vswitch("aa", "aa", "172.17.1.0/24");
  network.gateway("aa", "aa", "eu-node");
  network.attach("global", "aa");
  const auto lines = explained(network.model, "us-east");
  EXPECT_EQ(lines[5],
            "172.17.1.0/24 cen active Vpc shanghai vpc: learned through Cen global: VSwitch "
            "shanghai-apps");
  EXPECT_EQ(lines[6],
            "172.17.1.0/24 cen rejected Vpc aa vpc: Vpc shanghai announced the same prefix first");
}

TEST(Conflicts, AVpnRouteInsideAVSwitchIsRejected) {
  GlobalOffices network(1);
  network.office("office-9", "us-east", "198.51.100.19", "172.16.1.128/25");
  EXPECT_EQ(explained(network.model, "us-east").back(),
            "172.16.1.128/25 vpn rejected IpsecConnection office-9 gateway: lies in VSwitch "
            "us-east-apps (172.16.1.0/24), which goes before");
  EXPECT_EQ(hop(network.model, "us-east-node", "us-east", TableKind::kGateway, "172.16.1.128/25"),
            "none");
}

// Eight Vpcs in a Cen, one of which announces `count` routes.
model::testing::Draft announcing(uint32_t count) {
  model::testing::Draft network;
  network.add("c", model::Cen{});
  for (uint32_t i = 0; i < 8; ++i) {
    const std::string name = "v" + std::to_string(i);
    network.region(name);
    network.add(name, model::Node{{}, name, net::Address::v4(0xcb007101 + i)});
    network.add(
        name, model::Vpc{
                  {}, name, {net::Prefix::covering(net::Address::v4(0xac100000 + (i << 16)), 16)}});
    network.gateway(name, name, name);
    network.attach("c", name);
  }
  network.office("o", "v0", "198.51.100.1", "0.0.0.0/0");
  for (uint32_t i = 0; i < count; ++i) {
    const auto to = net::Prefix::covering(net::Address::v4(0x0a000000 + (i << 8)), 24);
    const std::string name = "r" + std::to_string(i);
    network.add(name, model::VpnRoute{{}, "v0", to, std::nullopt, "o", true});
    network.add(name, model::CenRoute{{}, "c", "v0", to});
  }
  return network;
}

// Four times the routes take four times as long to learn, sixteen times if each is compared with
// all others. Time of this thread's processor only; the best of several, as others may share
// caches.
TEST(CenRoutes, AreLearnedInTimeThatGrowsWithTheirNumber) {
  const auto time_of = [](const model::Model& model) {
    double best = 1e9;
    for (int i = 0; i < 3; ++i) {
      timespec from{}, to{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
      const auto states = compile(model);
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
      EXPECT_EQ(states.size(), 8u);
      best = std::min(best, static_cast<double>(to.tv_sec - from.tv_sec) +
                                1e-9 * static_cast<double>(to.tv_nsec - from.tv_nsec));
    }
    return best;
  };
  const double few = time_of(announcing(4'000).model), many = time_of(announcing(16'000).model);
  EXPECT_LT(many, 9 * few) << few << " s and " << many << " s";
}

}  // namespace
}  // namespace farspan::compiler
