// SPDX-License-Identifier: Apache-2.0
// Security groups: rules whose peers are prefixes only, sorted as they are tried, on the nodes that
// have a member.
//
// A group named as peer stands for the addresses of its members, wherever they run. An open group
// (the cloud's InnerAccessPolicy) accepts its members before every declared rule: priority 0.
#include <algorithm>
#include <tuple>

#include "farspan/compiler/rows.h"

namespace farspan::compiler {
namespace {

// The members of a group, as host prefixes.
std::vector<net::Prefix> members_of(const model::Model& model, const model::Users& users,
                                    const std::string& group) {
  std::vector<net::Prefix> members;
  users.for_each_of<model::Instance, model::SecurityGroup>(
      model, group, [&](const model::Instance& instance) {
        members.push_back(net::Prefix::host(instance.address));
      });
  return members;
}

uint8_t protocol_number(model::RuleProtocol protocol) {
  switch (protocol) {
    case model::RuleProtocol::kAll:
      return 0;
    case model::RuleProtocol::kTcp:
      return 6;
    case model::RuleProtocol::kUdp:
      return 17;
    case model::RuleProtocol::kIcmp:
      return 1;
    case model::RuleProtocol::kGre:
      return 47;
  }
  return 0;
}

void add_rule(const model::SecurityRule& declared, const model::Model& model,
              const model::Users& users, nodestate::SecurityGroup& group) {
  nodestate::Rule rule;
  rule.protocol = protocol_number(declared.protocol);
  const bool has_ports = rule.protocol == 6 || rule.protocol == 17;
  if (has_ports && declared.ports != model::PortRange{}) {
    rule.port_low = declared.ports.low;
    rule.port_high = declared.ports.high;
  }
  rule.action = declared.action == model::RuleAction::kDrop ? nodestate::RuleAction::kDrop
                                                            : nodestate::RuleAction::kAccept;
  rule.priority = static_cast<uint16_t>(declared.priority);
  auto& rules = declared.direction == model::Direction::kIngress ? group.ingress : group.egress;
  if (const auto* prefix = std::get_if<net::Prefix>(&declared.peer)) {
    rule.peer = *prefix;
    rules.push_back(rule);
    return;
  }
  for (const net::Prefix& peer : members_of(model, users, std::get<std::string>(declared.peer))) {
    rule.peer = peer;
    rules.push_back(rule);
  }
}

// (priority, drop first); the rest only so that equal models give equal lists. A rule written twice
// counts once.
void put_in_order(std::vector<nodestate::Rule>& rules) {
  const auto key = [](const nodestate::Rule& rule) {
    return std::tuple(rule.priority, rule.action == nodestate::RuleAction::kAccept, rule.protocol,
                      rule.port_low, rule.port_high, rule.peer);
  };
  std::sort(rules.begin(), rules.end(),
            [&](const auto& a, const auto& b) { return key(a) < key(b); });
  rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
}

}  // namespace

nodestate::SecurityGroup group_row(const model::Model& model, const model::Users& users,
                                   const model::SecurityGroup& declared) {
  nodestate::SecurityGroup group;
  group.name = declared.meta.name;
  if (declared.is_inner_open) {
    for (const net::Prefix& member : members_of(model, users, declared.meta.name)) {
      nodestate::Rule rule;
      rule.peer = member;
      rule.priority = 0;
      group.ingress.push_back(rule);
      group.egress.push_back(rule);
    }
  }
  for (const model::SecurityRule& rule : declared.rules) add_rule(rule, model, users, group);
  put_in_order(group.ingress);
  put_in_order(group.egress);
  return group;
}

}  // namespace farspan::compiler
