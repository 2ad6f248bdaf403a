// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/tunnels/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace farspan::tunnels {
namespace {

using nodestate::Tunnel;
using nodestate::TunnelId;
using ::testing::ElementsAre;
using ::testing::StartsWith;

Tunnel office() {
  Tunnel tunnel;
  tunnel.ike.local = *net::Address::parse("192.0.2.1");
  tunnel.ike.remote = *net::Address::parse("198.51.100.7");
  tunnel.ike.local_id = "192.0.2.1";
  tunnel.ike.remote_id = "office.example";
  tunnel.ike.ike_proposal = "aes256-sha256-modp2048";
  tunnel.ike.esp_proposal = "aes256gcm16-modp2048";
  tunnel.ike.local_subnets = {*net::Prefix::parse("0.0.0.0/0")};
  tunnel.ike.remote_subnets = {*net::Prefix::parse("10.10.10.0/24")};
  tunnel.use = nodestate::OfficeTunnel{"office-1", nodestate::VrfId{1}, "secret"};
  return tunnel;
}

Tunnel link_to(const std::string& peer) {
  Tunnel tunnel = office();
  tunnel.ike.local_id = "r1.east.node.farspan";
  tunnel.ike.remote_id = "r1." + peer + ".node.farspan";
  tunnel.use = nodestate::LinkTunnel{peer};
  return tunnel;
}

const NodeCredentials kCredentials{"east", "CERT", "KEY", "CA"};

std::string name_of(const Tunnel& tunnel) {
  return describe_connection(TunnelId{7}, tunnel, kCredentials)->name;
}

}  // namespace

TEST(DescribeConnection, OfAnOfficeSaysTheRow) {
  const auto described = describe_connection(TunnelId{7}, office(), {});
  ASSERT_TRUE(described.ok());
  EXPECT_THAT(described->name, StartsWith("t7-"));
  EXPECT_EQ(tunnel_of(described->name), TunnelId{7});
  const vici::Section& connection = *described->load_conn.find(described->name);
  EXPECT_EQ(connection.value("version"), "2");
  EXPECT_EQ(connection.value("encap"), "no");
  EXPECT_EQ(connection.value("rekey_time"), "77760s");  // 90 % of a day
  EXPECT_EQ(connection.value("over_time"), "8640s");
  EXPECT_EQ(connection.find("remote-1")->value("id"), "office.example");
  const vici::Section& child = *connection.find("children")->find(kChild);
  EXPECT_EQ(child.value("if_id_in"), "7");
  EXPECT_EQ(child.value("life_time"), "86400s");
  EXPECT_THAT(*child.find_list("remote_ts"), ElementsAre("10.10.10.0/24"));
  EXPECT_EQ(described->load_shared->value("data"), "secret");
  EXPECT_THAT(*described->load_shared->find_list("owners"),
              ElementsAre("192.0.2.1", "office.example"));
}

TEST(DescribeConnection, NamesChangeWithTheRowButNotWithSecrets) {
  Tunnel other_key = office(), other_life = office();
  std::get<nodestate::OfficeTunnel>(other_key.use).psk = "another";
  other_life.ike.ike_lifetime_seconds = 3600;
  EXPECT_EQ(name_of(office()), name_of(other_key));
  EXPECT_NE(name_of(office()), name_of(other_life));
  NodeCredentials renewed = kCredentials;
  renewed.certificate = "RENEWED";
  EXPECT_EQ(describe_connection(TunnelId{7}, link_to("west"), renewed)->name,
            name_of(link_to("west")));
}

TEST(DescribeConnection, OfALinkProvesNodesByCertificate) {
  const auto described = describe_connection(TunnelId{7}, link_to("west"), kCredentials);
  ASSERT_TRUE(described.ok());
  const vici::Section& connection = *described->load_conn.find(described->name);
  EXPECT_EQ(connection.value("encap"), "yes");
  EXPECT_EQ(connection.find("local-1")->value("id"), "r1.east.node.farspan");
  EXPECT_EQ(connection.find("remote-1")->value("id"), "r1.west.node.farspan");
  EXPECT_THAT(*connection.find("local-1")->find_list("certs"), ElementsAre("CERT"));
  EXPECT_THAT(*connection.find("remote-1")->find_list("cacerts"), ElementsAre("CA"));
  EXPECT_FALSE(described->load_shared);
}

TEST(DescribeConnection, OfALinkChangesWhenItsPeerHasAnotherIdentity) {
  Tunnel revoked = link_to("west");
  revoked.ike.remote_id = "r9.west.node.farspan";
  EXPECT_NE(name_of(link_to("west")), name_of(revoked)) << "its SAs would live on";
}

TEST(DescribeConnection, RefusesALinkWithoutCredentials) {
  const auto described = describe_connection(TunnelId{7}, link_to("west"), {});
  ASSERT_FALSE(described.ok());
  EXPECT_EQ(described.error().resource, "Link to west");
}

TEST(DescribeConnection, RefusesIdentitiesThatAnyPeerCouldClaim) {
  for (const char* identity : {"", "%any", "*", "*.example", "a b", "a\nsecret", "x#y"}) {
    Tunnel tunnel = office();
    tunnel.ike.remote_id = identity;
    const auto described = describe_connection(TunnelId{7}, tunnel, {});
    ASSERT_FALSE(described.ok()) << identity;
    EXPECT_EQ(described.error().field, "remote_id");
  }
}

TEST(DescribeConnection, RefusesWhatIsNoProposal) {
  Tunnel tunnel = office();
  tunnel.ike.esp_proposal = "aes256gcm16,null";
  EXPECT_FALSE(describe_connection(TunnelId{7}, tunnel, {}).ok());
}

TEST(DescribeConnection, LeavesATrapToCharon) {
  Tunnel tunnel = office();
  tunnel.ike.is_start_now = false;
  const auto described = describe_connection(TunnelId{7}, tunnel, {});
  const vici::Section& child =
      *described->load_conn.find(described->name)->find("children")->find(kChild);
  EXPECT_EQ(child.value("start_action"), "trap");
}

TEST(TunnelOf, TakesOnlyOurNames) {
  EXPECT_EQ(tunnel_of("t7"), TunnelId{7});
  EXPECT_EQ(tunnel_of("t2147483650-00ff"), TunnelId{2147483650});
  for (const char* name : {"", "t", "t-1", "tunnel", "t7x", "net", "t99999999999", "(unnamed)"})
    EXPECT_FALSE(tunnel_of(name)) << name;
}

TEST(IsFirstToInitiate, IsExactlyOneEndOfALink) {
  EXPECT_TRUE(is_first_to_initiate(link_to("west"), "east"));
  EXPECT_FALSE(is_first_to_initiate(link_to("east"), "west"));
  EXPECT_TRUE(is_first_to_initiate(office(), "west"));
}

}  // namespace farspan::tunnels
