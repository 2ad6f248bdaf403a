// SPDX-License-Identifier: Apache-2.0
// Security groups: rules with one peer, ports where ports exist, and the numbers of limits.h.
#include "farspan/model/faults.h"
#include "farspan/model/limits.h"

namespace farspan::model {
namespace {

void check_ports(const SecurityGroup& group, const SecurityRule& rule, const std::string& at,
                 Faults& faults) {
  const bool has_ports = rule.protocol == RuleProtocol::kTcp || rule.protocol == RuleProtocol::kUdp;
  const std::string ports = std::to_string(rule.ports.low) + "-" + std::to_string(rule.ports.high);
  if (!has_ports && rule.ports != PortRange{}) {
    faults.add(group, at + ".ports", ports + " means nothing for this protocol",
               "leave ports out, or use tcp or udp");
  } else if (rule.ports.low == 0 || rule.ports.low > rule.ports.high) {
    faults.add(group, at + ".ports", ports + " is not a range",
               "write low-high with 1 <= low <= high <= 65535");
  }
}

void check_peer(const SecurityGroup& group, const SecurityRule& rule, const std::string& at,
                Faults& faults) {
  if (const auto* prefix = std::get_if<net::Prefix>(&rule.peer)) {
    if (prefix->family() != net::Family::kIpv4) {
      faults.add(group, at + ".peer_cidr", prefix->text() + " is IPv6", "give an IPv4 prefix");
    }
    return;
  }
  const std::string& name = std::get<std::string>(rule.peer);
  const SecurityGroup* peer = faults.refer<SecurityGroup>(group, at + ".peer_group", name);
  if (peer != nullptr && peer->vpc != group.vpc) {
    faults.add(
        group, at + ".peer_group", name + " belongs to Vpc " + peer->vpc,
        "name a SecurityGroup of Vpc " + group.vpc + ", or write its addresses as peer_cidr");
  }
}

void check_group(const SecurityGroup& group, Faults& faults) {
  if (group.rules.size() > limits::kRulesPerGroup) {
    faults.add(group, "rules", "has " + std::to_string(group.rules.size()) + " rules",
               "use at most " + std::to_string(limits::kRulesPerGroup) +
                   ", or spread them over several groups");
  }
  size_t group_peers = 0;
  for (size_t i = 0; i < group.rules.size(); ++i) {
    const SecurityRule& rule = group.rules[i];
    const std::string at = indexed("rules", i);
    check_ports(group, rule, at, faults);
    check_peer(group, rule, at, faults);
    if (rule.priority < limits::kLowestPriority || rule.priority > limits::kHighestPriority) {
      faults.add(group, at + ".priority", std::to_string(rule.priority) + " is out of range",
                 "use 1 to 100");
    }
    if (rule.description.size() > limits::kRuleDescriptionLength) {
      faults.add(group, at + ".description",
                 "has " + std::to_string(rule.description.size()) + " characters",
                 "use at most " + std::to_string(limits::kRuleDescriptionLength));
    }
    if (std::holds_alternative<std::string>(rule.peer) &&
        ++group_peers == limits::kGroupPeersPerGroup + 1) {
      faults.add(group, at + ".peer_group", "is the 21st reference to another group",
                 "use at most 20");
    }
  }
}

}  // namespace

void check_security_groups(const Model& model, Faults& faults) {
  for (const auto& [name, group] : model.all<SecurityGroup>()) {
    faults.refer<Vpc>(group, "vpc", group.vpc);
    check_group(group, faults);
  }
}

}  // namespace farspan::model
