// SPDX-License-Identifier: Apache-2.0
// SecurityGroup: stateful rules on instances (basic group: ingress denied, egress allowed
// by default).
//
// Every rule of every group of an instance is considered; the smallest priority decides, on a tie
// drop wins.
#pragma once

#include <variant>
#include <vector>

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

enum class Direction : uint8_t { kIngress, kEgress };
enum class RuleAction : uint8_t { kAccept, kDrop };
enum class RuleProtocol : uint8_t { kAll, kTcp, kUdp, kIcmp, kGre };

struct PortRange {
  uint16_t low = 1, high = 65535;
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

struct SecurityGroup {
  static constexpr const char* kKind = "SecurityGroup";
  Meta meta;
  std::string vpc;
  bool is_inner_open = true;  // members reach each other (InnerAccessPolicy Accept)
  std::vector<SecurityRule> rules;

  bool operator==(const SecurityGroup&) const = default;
};

}  // namespace farspan::model
