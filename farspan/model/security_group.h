// SPDX-License-Identifier: Apache-2.0
// SecurityGroup: stateful rules on instances (basic group: ingress denied, egress allowed
// by default).
//
// Every rule of every group of an instance is considered; the smallest priority decides, on a tie
// drop wins.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

enum class Direction : uint8_t { kIngress, kEgress };
inline constexpr Words<Direction, 2> kDirections = {
    {{Direction::kIngress, "ingress", "to the instance"},
     {Direction::kEgress, "egress", "from the instance"}}};

enum class RuleAction : uint8_t { kAccept, kDrop };
inline constexpr Words<RuleAction, 2> kRuleActions = {
    {{RuleAction::kAccept, "accept"}, {RuleAction::kDrop, "drop"}}};

enum class RuleProtocol : uint8_t { kAll, kTcp, kUdp, kIcmp, kGre };
inline constexpr Words<RuleProtocol, 5> kRuleProtocols = {{{RuleProtocol::kAll, "all"},
                                                           {RuleProtocol::kTcp, "tcp"},
                                                           {RuleProtocol::kUdp, "udp"},
                                                           {RuleProtocol::kIcmp, "icmp"},
                                                           {RuleProtocol::kGre, "gre"}}};

inline constexpr Words<bool, 2> kInnerAccess = {
    {{true, "accept", "members reach each other"},
     {false, "drop", "members reach each other only as the rules say"}}};

struct PortRange {
  uint16_t low = 1, high = 65535;

  /// "80", "8000-8080"; "" for all.
  std::string text() const;
  static std::optional<PortRange> parse(std::string_view text);
  bool operator==(const PortRange&) const = default;
};

struct SecurityRule {
  Direction direction = Direction::kIngress;
  RuleProtocol protocol = RuleProtocol::kAll;
  PortRange ports;  // destination ports; only for TCP and UDP
  // a prefix, or the name of another group of the same Vpc
  std::variant<net::Prefix, std::string> peer;
  RuleAction action = RuleAction::kAccept;
  int priority = 1;  // 1-100, smaller first
  std::string description;

  bool operator==(const SecurityRule&) const = default;
};

void describe(auto& visit, Is<SecurityRule> auto& rule) {
  visit({.name = "direction", .says = "Which new flows it is about; answers pass by themselves."},
        rule.direction, kDirections);
  visit({.name = "protocol", .says = "The protocol of the packets."}, rule.protocol,
        kRuleProtocols);
  visit({.name = "ports",
         .says = "Destination ports, of tcp and udp only.",
         .if_left_out = "all ports",
         .example = "8000-8080"},
        rule.ports);
  visit.either({.name = "peer_cidr",
                .says = "The other side as addresses; 0.0.0.0/0 is anybody.",
                .example = "10.10.0.0/16"},
               {.name = "peer_group",
                .says = "The other side as the members of another SecurityGroup of the same Vpc.",
                .refers_to = "SecurityGroup",
                .example = "web"},
               rule.peer);
  visit({.name = "action", .says = "What becomes of the flow."}, rule.action, kRuleActions);
  visit({.name = "priority",
         .says = "Of all rules that fit, the smallest number decides; at equal numbers drop wins.",
         .least = limits::kLowestPriority,
         .most = limits::kHighestPriority},
        rule.priority);
  visit({.name = "description",
         .says = "Free text for people, in one line.",
         .most = limits::kRuleDescriptionLength,
         .example = "the office's browsers"},
        rule.description);
}

struct SecurityGroup {
  static constexpr const char* kKind = "SecurityGroup";
  static constexpr const char* kSays =
      "Stateful rules: who may reach its member instances, and whom they may reach.";
  Meta meta;
  std::string vpc;
  bool is_inner_open = true;  // members reach each other (InnerAccessPolicy Accept)
  std::vector<SecurityRule> rules;

  bool operator==(const SecurityGroup&) const = default;
};

void describe(auto& visit, Is<SecurityGroup> auto& group) {
  visit({.name = "vpc",
         .says = "The Vpc whose instances may be members.",
         .refers_to = "Vpc",
         .is_required = true,
         .example = "us-east"},
        group.vpc);
  visit({.name = "inner_access", .says = "What members may do with each other."},
        group.is_inner_open, kInnerAccess);
  visit({.name = "rules",
         .says = "Who else is let in and out; at most 20 of them name other groups. Without a rule "
                 "ingress is dropped and egress is accepted.",
         .most = limits::kRulesPerGroup},
        group.rules);
}

}  // namespace farspan::model
