// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/tunnels/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace farspan::tunnels {
namespace {

using nodestate::TunnelId;
using ::testing::ElementsAre;

vici::Section child(const char* id, const char* state, uint64_t age, uint64_t bytes_in) {
  vici::Section section;
  section.set("uniqueid", id)
      .set("state", state)
      .set("spi-in", "c0000001")
      .set("spi-out", "ce15368a");
  section.set("encr-alg", "AES_GCM_16").set("encr-keysize", "256").set("esn", "1");
  section.set("bytes-in", bytes_in).set("use-in", age).set("install-time", age);
  section.list("local-ts", {"0.0.0.0/0"}).list("remote-ts", {"10.10.10.0/24"});
  return section;
}

vici::Section ike(const char* id, const char* state, uint64_t age,
                  std::vector<vici::Section> children) {
  vici::Section section;
  section.set("uniqueid", id)
      .set("state", state)
      .set("established", age)
      .set("responder-spi", "0123456789abcdef");
  section.set("local-host", "192.0.2.1")
      .set("local-port", "4500")
      .set("remote-host", "198.51.100.7")
      .set("remote-port", "1024");
  section.set("nat-remote", "yes").set("nat-any", "yes");
  section.set("encr-alg", "AES_CBC")
      .set("encr-keysize", "256")
      .set("integ-alg", "HMAC_SHA2_256_128");
  section.set("prf-alg", "PRF_HMAC_SHA2_256").set("dh-group", "MODP_2048");
  vici::Section& list = section.section("child-sas");
  for (vici::Section& each : children)
    list.section("esp-" + std::string(each.value("uniqueid")), std::move(each));
  return section;
}

vici::Section event(const char* name, vici::Section content) {
  vici::Section section;
  section.section(name, std::move(content));
  return section;
}

}  // namespace

TEST(ReadSas, SaysAlgorithmsAndAddressesInWords) {
  const auto sas =
      read_sas({event("t7-00", ike("4", "ESTABLISHED", 30, {child("9", "INSTALLED", 20, 100)}))});
  ASSERT_EQ(sas.size(), 1u);
  const TunnelStatus& status = leading_sa(sas.at(TunnelId{7}))->status;
  EXPECT_STREQ(status.ike_state(), "ike_sa_established");
  EXPECT_STREQ(status.child_state(), "ipsec_sa_established");
  EXPECT_EQ(status.ike_algorithms, "AES-CBC-256/HMAC-SHA2-256-128/PRF-HMAC-SHA2-256/MODP-2048");
  EXPECT_EQ(status.esp_algorithms, "AES-GCM-16-256/ESN");
  EXPECT_EQ(status.remote, "198.51.100.7[1024]");
  EXPECT_TRUE(status.is_nat_detected);
  EXPECT_EQ(status.children.front().spi_out, 0xce15368au);
  EXPECT_THAT(status.children.front().remote_subnets, ElementsAre("10.10.10.0/24"));
}

TEST(ReadSas, CountsReplacedChildrenAndShowsTheYoungest) {
  const auto sas = read_sas(
      {event("t7-00", ike("4", "ESTABLISHED", 30,
                          {child("9", "REKEYED", 25, 100), child("10", "INSTALLED", 2, 11)}))});
  const TunnelStatus& status = leading_sa(sas.at(TunnelId{7}))->status;
  EXPECT_EQ(status.bytes_in, 111u);
  EXPECT_EQ(status.child_age_seconds, 2u);
  EXPECT_EQ(status.last_packet_in_seconds_ago, 2u);
}

TEST(ReadSas, AChildThatIsGoneInAMomentStillTellsOfItsLastPacket) {
  vici::Section fresh;
  fresh.set("uniqueid", "10").set("state", "INSTALLED");  // nothing came by it yet
  const auto sas = read_sas(
      {event("t7-00", ike("4", "ESTABLISHED", 30, {child("9", "DELETED", 3, 100), fresh}))});
  EXPECT_EQ(leading_sa(sas.at(TunnelId{7}))->status.last_packet_in_seconds_ago, 3u);
}

TEST(ReadSas, AChildThatIsBeingMadeCarriesNothing) {
  const auto sas =
      read_sas({event("t7-00", ike("4", "ESTABLISHED", 30, {child("9", "CREATED", 0, 0)}))});
  EXPECT_FALSE(leading_sa(sas.at(TunnelId{7}))->status.is_child_established);
}

TEST(LeadingSa, IsTheNewestThatIsUp) {
  const auto sas =
      read_sas({event("t7-00", ike("4", "ESTABLISHED", 30, {child("9", "INSTALLED", 20, 0)})),
                event("t7-00", ike("5", "ESTABLISHED", 10, {child("10", "INSTALLED", 9, 0)})),
                event("t7-00", ike("6", "ESTABLISHED", 2, {})),
                event("t7-00", ike("7", "CONNECTING", 0, {})),
                event("stranger", ike("8", "ESTABLISHED", 1, {}))});
  ASSERT_EQ(sas.size(), 1u);
  EXPECT_EQ(leading_sa(sas.at(TunnelId{7}))->unique_id, "5");
  EXPECT_EQ(leading_sa({}), nullptr);
}

}  // namespace farspan::tunnels
