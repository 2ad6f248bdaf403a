// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/policy/rule_set.h"

#include <gtest/gtest.h>

#include <random>

namespace farspan::dataplane {
namespace {

using enum RuleDirection;
using enum RuleVerdict;
constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kGre = 47;
constexpr uint32_t kOffice = 0x0A0A0A00;  // 10.10.10.0

uint32_t draw(std::mt19937& rng) { return static_cast<uint32_t>(rng()); }

// What the words of rule_set.h say, read literally: of the rules that fit, the one with the
// smallest priority decides, and among those of one priority a drop does.
RuleVerdict naive_verdict(const std::vector<Rule>& rules, RuleDirection direction, uint8_t protocol,
                          uint16_t port, uint32_t peer) {
  int best = 0x10000;
  bool is_drop = direction == kIngress;
  for (const Rule& rule : rules) {
    if (rule.protocol != 0 && rule.protocol != protocol) continue;
    if ((rule.protocol == kTcp || rule.protocol == kUdp) &&
        (port < rule.port_low || port > rule.port_high)) {
      continue;
    }
    const uint64_t size = uint64_t{1} << (32 - rule.peer_length);
    if (peer / size != rule.peer / size) continue;
    if (rule.priority < best) {
      best = rule.priority;
      is_drop = rule.verdict == kDrop;
    } else if (rule.priority == best) {
      is_drop = is_drop || rule.verdict == kDrop;
    }
  }
  return is_drop ? kDrop : kAccept;
}

Rule random_rule(std::mt19937& rng) {
  constexpr uint8_t kProtocols[] = {0, kIcmp, kTcp, kTcp, kUdp, kGre};
  Rule rule;
  rule.protocol = kProtocols[draw(rng) % 6];
  rule.port_low = static_cast<uint16_t>(draw(rng) % 20);
  rule.port_high = static_cast<uint16_t>(rule.port_low + draw(rng) % 20);
  if (draw(rng) % 4 == 0) rule.port_low = 0;
  if (draw(rng) % 4 == 0) rule.port_high = 65535;
  rule.peer_length = static_cast<uint8_t>(draw(rng) % 3 == 0 ? draw(rng) % 33 : 24 + draw(rng) % 9);
  rule.peer = kOffice | (draw(rng) & 0xFF);
  if (draw(rng) % 8 == 0) rule.peer_length = 0;
  if (rule.peer_length == 0) rule.peer = 0;
  rule.verdict = draw(rng) % 2 == 0 ? kDrop : kAccept;
  rule.priority = static_cast<uint16_t>(1 + draw(rng) % 5);
  return rule;
}

}  // namespace

TEST(RuleSet, APortWithoutGroupsReceivesNothingAndSendsAnything) {
  const RuleSet set;
  EXPECT_EQ(set.evaluate(kIngress, kTcp, 80, kOffice), kDrop);
  EXPECT_EQ(set.evaluate(kEgress, kTcp, 80, kOffice), kAccept);
}

TEST(RuleSet, TheSmallestPriorityDecides) {
  const std::vector<Rule> ingress = {
      {.protocol = kTcp, .port_low = 80, .port_high = 80, .verdict = kAccept, .priority = 1},
      {.protocol = 0, .verdict = kDrop, .priority = 2},
  };
  const RuleSet set = RuleSet::compile(ingress, {});
  EXPECT_EQ(set.evaluate(kIngress, kTcp, 80, kOffice), kAccept);
  EXPECT_EQ(set.evaluate(kIngress, kTcp, 81, kOffice), kDrop);
}

TEST(RuleSet, DropWinsATie) {
  const std::vector<Rule> ingress = {
      {.protocol = kIcmp, .verdict = kAccept, .priority = 1},
      {.protocol = kIcmp, .peer = kOffice, .peer_length = 24, .verdict = kDrop, .priority = 1},
  };
  const RuleSet set = RuleSet::compile(ingress, {});
  EXPECT_EQ(set.evaluate(kIngress, kIcmp, 0, kOffice + 1), kDrop);
  EXPECT_EQ(set.evaluate(kIngress, kIcmp, 0, kOffice + 256), kAccept);
}

TEST(RuleSet, PortsOfProtocolsWithoutPortsAreNotLookedAt) {
  const std::vector<Rule> ingress = {
      {.protocol = kIcmp, .port_low = 1, .port_high = 65535, .verdict = kAccept},
      {.protocol = 0, .port_low = 1, .port_high = 65535, .peer = kOffice, .peer_length = 24},
  };
  const RuleSet set = RuleSet::compile(ingress, {});
  EXPECT_EQ(set.evaluate(kIngress, kIcmp, 0, 1), kAccept);
  EXPECT_EQ(set.evaluate(kIngress, kGre, 0, kOffice), kAccept);
  EXPECT_EQ(set.evaluate(kIngress, kGre, 0, 1), kDrop);
}

TEST(RuleSet, AgreesWithReadingEveryRuleOnRandomGroups) {
  std::mt19937 rng(1918);
  constexpr uint8_t kProtocols[] = {kIcmp, kTcp, kUdp, kGre, 50, 255};
  for (int round = 0; round < 500; ++round) {
    std::vector<Rule> ingress(draw(rng) % 30), egress(draw(rng) % 30);
    for (Rule& rule : ingress) rule = random_rule(rng);
    for (Rule& rule : egress) rule = random_rule(rng);
    const RuleSet set = RuleSet::compile(ingress, egress);
    for (int i = 0; i < 400; ++i) {
      const uint8_t protocol = kProtocols[draw(rng) % 6];
      const bool has_ports = protocol == kTcp || protocol == kUdp;
      const auto port = static_cast<uint16_t>(has_ports ? draw(rng) % 45 : 0);
      const uint32_t peer = draw(rng) % 8 == 0 ? draw(rng) : kOffice | (draw(rng) & 0xFF);
      ASSERT_EQ(set.evaluate(kIngress, protocol, port, peer),
                naive_verdict(ingress, kIngress, protocol, port, peer));
      ASSERT_EQ(set.evaluate(kEgress, protocol, port, peer),
                naive_verdict(egress, kEgress, protocol, port, peer));
    }
  }
}

}  // namespace farspan::dataplane
