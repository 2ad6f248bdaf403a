// SPDX-License-Identifier: Apache-2.0
// Ports, VRFs, security groups, tunnels and links as rows.
#include <gtest/gtest.h>

#include "farspan/compiler/compile.h"
#include "farspan/compiler/proposals.h"
#include "farspan/model/global_offices.h"

namespace farspan::compiler {
namespace {

using model::testing::cidr;
using model::testing::GlobalOffices;
using model::testing::ip;

nodestate::NodeState us_east(const model::Model& model) {
  return compile(model).at("us-east-node");
}

TEST(Rows, APortIsItsInstance) {
  const auto model = GlobalOffices(1).model;
  const uint32_t number = model.find<model::Instance>("app-us-east")->meta.number;
  const auto state = us_east(model);
  ASSERT_EQ(state.ports.size(), 1u);
  nodestate::Port port;
  port.instance = "app-us-east";
  port.vrf = nodestate::VrfId(model.find<model::Vpc>("us-east")->meta.number);
  port.netns = "app-us-east";
  port.address = ip("172.16.1.10");
  port.subnet = cidr("172.16.1.0/24");
  port.gateway = ip("172.16.1.253");
  port.mac = {{0x02, 0xf5, 0, 0, 0, static_cast<uint8_t>(number)}};
  port.security_groups = {
      nodestate::SecurityGroupId(model.find<model::SecurityGroup>("app-us-east")->meta.number)};
  EXPECT_EQ(state.ports.at(nodestate::PortId(number)), port);

  const auto& [vrf_id, vrf] = *state.vrfs.begin();
  EXPECT_EQ(vrf_id, port.vrf);
  EXPECT_EQ(vrf,
            (nodestate::Vrf{"us-east", ip("172.16.1.253"), nodestate::Label(16 + vrf_id.value())}));
}

TEST(Rows, AnOfficeTunnelSaysWhatWasDeclared) {
  GlobalOffices network(1);
  auto& declared = network.model.all<model::IpsecConnection>()["office-1"];
  const auto row = [&] {
    return us_east(network.model).tunnels.at(nodestate::TunnelId(declared.meta.number));
  };
  nodestate::Tunnel expected;
  expected.ike.local = ip("203.0.113.1");
  expected.ike.remote = ip("198.51.100.11");
  expected.ike.local_id = "203.0.113.1";
  expected.ike.remote_id = "198.51.100.11";
  expected.ike.ike_proposal = "aes256-sha256-modp2048";
  expected.ike.esp_proposal = "aes256gcm16-modp2048-esn-noesn";
  expected.ike.local_subnets = {cidr("0.0.0.0/0")};
  expected.ike.remote_subnets = {cidr("10.10.10.0/24")};
  expected.use = nodestate::OfficeTunnel{"office-1", us_east(network.model).vrfs.begin()->first,
                                         "psk-of-office-1"};
  EXPECT_EQ(row(), expected);

  declared.ike.version = model::IkeVersion::kIkev1;
  declared.ike.mode = model::IkeMode::kAggressive;
  declared.ike.local_id = "gateway.example";
  declared.ike.remote_id = "office.example";
  declared.ike.lifetime_seconds = 3600;
  declared.ipsec.lifetime_seconds = 600;
  declared.has_dpd = declared.is_effect_immediately = false;
  expected.ike.version = 1;
  expected.ike.is_aggressive = true;
  expected.ike.local_id = "gateway.example";
  expected.ike.remote_id = "office.example";
  expected.ike.ike_lifetime_seconds = 3600;
  expected.ike.esp_lifetime_seconds = 600;
  expected.ike.has_dpd = expected.ike.is_start_now = false;
  expected.ike.esp_proposal = "aes256gcm16-modp2048";
  EXPECT_EQ(row(), expected);
}

TEST(Rows, ALinkIsSeenFromBothEndsAndBothKeepItUp) {
  const auto model = GlobalOffices(3).model;
  const auto states = compile(model);
  const auto id_of = [&](const char* node) {
    return nodestate::TunnelId(nodestate::kLinkBit | model.find<model::Node>(node)->meta.number);
  };
  const auto& east = states.at("us-east-node").tunnels.at(id_of("shanghai-node"));
  const auto& west = states.at("shanghai-node").tunnels.at(id_of("us-east-node"));
  EXPECT_EQ(std::get<nodestate::LinkTunnel>(east.use).peer_node, "shanghai-node");
  EXPECT_EQ(east.ike.local_id, "us-east-node.node.farspan");
  EXPECT_EQ(east.ike.remote_id, "shanghai-node.node.farspan");
  EXPECT_EQ(east.ike.ike_proposal, "aes256gcm16-prfsha384-ecp384");
  EXPECT_EQ(east.ike.esp_proposal, "aes256gcm16-ecp384-esn");
  EXPECT_EQ(east.ike.local_subnets, (std::vector<net::Prefix>{net::Prefix{}}));
  EXPECT_TRUE(east.ike.is_start_now);
  EXPECT_TRUE(west.ike.is_start_now);
  EXPECT_EQ(west.ike.local, east.ike.remote);
}

TEST(Proposals, AreThoseOfStrongSwan) {
  model::IpsecConnection c;
  const auto esp = [&] { return esp_proposal(c, EsnOffer::kEither); };
  EXPECT_EQ(ike_proposal(c.ike), "aes256-sha256-modp2048");
  EXPECT_EQ(esp(), "aes256gcm16-modp2048-esn-noesn");
  EXPECT_EQ(esp_proposal(c, EsnOffer::kNotSaid), "aes256gcm16-modp2048");
  c.ike.encryption = model::Encryption::kAes128Gcm;
  c.ike.integrity = model::Integrity::kSha384;
  c.ike.dh_group = model::DhGroup::kGroup31;
  EXPECT_EQ(ike_proposal(c.ike), "aes128gcm16-prfsha384-curve25519");
  c.ipsec = {model::Encryption::kAes128, model::Integrity::kSha1, model::DhGroup::kNone, 3600,
             1024};
  EXPECT_EQ(esp(), "aes128-sha1-esn-noesn");
  c.ike.version = model::IkeVersion::kIkev1;
  EXPECT_EQ(esp(), "aes128-sha1");
  const std::pair<model::DhGroup, const char*> groups[] = {{model::DhGroup::kGroup2, "modp1024"},
                                                           {model::DhGroup::kGroup5, "modp1536"},
                                                           {model::DhGroup::kGroup19, "ecp256"},
                                                           {model::DhGroup::kGroup20, "ecp384"}};
  for (const auto& [group, keyword] : groups) {
    c.ipsec.pfs_group = group;
    EXPECT_EQ(esp(), std::string("aes128-sha1-") + keyword);
  }
  using enum model::Encryption;
  using enum model::Integrity;
  const std::tuple<model::Encryption, model::Integrity, const char*> old[] = {
      {kTripleDes, kMd5, "3des-md5-modp768"},
      {kDes, kSha1, "des-sha1-modp768"},
      {kAes192, kSha384, "aes192-sha384-modp768"},
      {kAes192Gcm, kSha512, "aes192gcm16-modp768"}};
  for (const auto& [encryption, integrity, proposal] : old) {
    c.ipsec = {encryption, integrity, model::DhGroup::kGroup1, 3600, 1024};
    EXPECT_EQ(esp(), proposal);
  }
  c.ike = {};
  c.ike.encryption = kChaCha20Poly1305;
  c.ike.integrity = kSha512;
  EXPECT_EQ(ike_proposal(c.ike), "chacha20poly1305-prfsha512-modp2048");
  c.ipsec.encryption = kChaCha20Poly1305;
  EXPECT_EQ(esp(), "chacha20poly1305-modp768-esn-noesn");
}

TEST(SecurityGroups, RulesAreSortedByPriorityAndDropFirst) {
  GlobalOffices network(1);
  auto& declared = network.model.all<model::SecurityGroup>()["app-us-east"];
  declared.is_inner_open = false;
  declared.rules = {
      {model::Direction::kIngress,
       model::RuleProtocol::kTcp,
       {80, 90},
       cidr("10.0.0.0/8"),
       model::RuleAction::kAccept,
       2,
       {}},
      {model::Direction::kIngress,
       model::RuleProtocol::kAll,
       {},
       cidr("0.0.0.0/0"),
       model::RuleAction::kDrop,
       2,
       {}},
      {model::Direction::kIngress,
       model::RuleProtocol::kIcmp,
       {},
       cidr("0.0.0.0/0"),
       model::RuleAction::kAccept,
       1,
       {}},
      {model::Direction::kIngress,
       model::RuleProtocol::kIcmp,
       {},
       cidr("0.0.0.0/0"),
       model::RuleAction::kAccept,
       1,
       "again"},
      {model::Direction::kEgress,
       model::RuleProtocol::kGre,
       {},
       cidr("10.0.0.0/8"),
       model::RuleAction::kDrop,
       100,
       {}},
  };
  const auto group = us_east(network.model).security_groups.begin()->second;
  EXPECT_EQ(group.name, "app-us-east");
  using nodestate::Rule;
  using nodestate::RuleAction;
  EXPECT_EQ(group.ingress,
            (std::vector<Rule>{{1, 0, 65535, cidr("0.0.0.0/0"), RuleAction::kAccept, 1},
                               {0, 0, 65535, cidr("0.0.0.0/0"), RuleAction::kDrop, 2},
                               {6, 80, 90, cidr("10.0.0.0/8"), RuleAction::kAccept, 2}}));
  EXPECT_EQ(group.egress,
            (std::vector<Rule>{{47, 0, 65535, cidr("10.0.0.0/8"), RuleAction::kDrop, 100}}));
}

TEST(SecurityGroups, MembersStandForAGroupWhereverTheyRun) {
  GlobalOffices network(1);
  network.node("us-east-2", "us-east", "203.0.113.7");
  network.group("web", "us-east").is_inner_open = false;
  network.instance("web-1", "us-east-apps", "172.16.1.11", "web", "us-east-2");
  auto& rules = network.model.all<model::SecurityGroup>()["app-us-east"].rules;
  rules.push_back({model::Direction::kIngress,
                   model::RuleProtocol::kTcp,
                   {443, 443},
                   std::string("web"),
                   model::RuleAction::kAccept,
                   1,
                   {}});
  const auto groups = us_east(network.model).security_groups;
  ASSERT_EQ(groups.size(), 1u);  // "web" has no member on this node
  using nodestate::Rule;
  EXPECT_EQ(groups.begin()->second.ingress,
            (std::vector<Rule>{
                {0, 0, 65535, cidr("172.16.1.10/32"), nodestate::RuleAction::kAccept, 0},
                {6, 443, 443, cidr("172.16.1.11/32"), nodestate::RuleAction::kAccept, 1}}));
  EXPECT_EQ(groups.begin()->second.egress,
            (std::vector<Rule>{
                {0, 0, 65535, cidr("172.16.1.10/32"), nodestate::RuleAction::kAccept, 0}}));
}

}  // namespace
}  // namespace farspan::compiler
