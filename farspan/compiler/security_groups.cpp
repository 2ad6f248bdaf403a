// SPDX-License-Identifier: Apache-2.0
// Security groups: rules whose peers are prefixes only, sorted as they are tried, on the nodes that
// have a member.
//
// A group named as peer stands for the addresses of its members, wherever they run. An open group
// (the cloud's InnerAccessPolicy) accepts its members before every declared rule: priority 0.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "farspan/compiler/rows.h"

namespace farspan::compiler {
namespace {

using Members = std::map<std::string, std::vector<net::Prefix>>;  // of each group, as host prefixes

Members members_of(const model::Model& model) {
  Members members;
  for (const auto& [name, instance] : model.all<model::Instance>()) {
    for (const std::string& group : instance.security_groups) {
      members[group].push_back(net::Prefix::host(instance.address));
    }
  }
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

void add_rule(const model::SecurityRule& declared, const Members& members,
              nodestate::SecurityGroup& group) {
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
  const auto peers = members.find(std::get<std::string>(declared.peer));
  if (peers == members.end()) return;
  for (const net::Prefix& peer : peers->second) {
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

nodestate::SecurityGroup group_row(const model::SecurityGroup& declared, const Members& members) {
  nodestate::SecurityGroup group;
  group.name = declared.meta.name;
  if (const auto inner = members.find(declared.meta.name);
      declared.is_inner_open && inner != members.end()) {
    for (const net::Prefix& member : inner->second) {
      nodestate::Rule rule;
      rule.peer = member;
      rule.priority = 0;
      group.ingress.push_back(rule);
      group.egress.push_back(rule);
    }
  }
  for (const model::SecurityRule& rule : declared.rules) add_rule(rule, members, group);
  put_in_order(group.ingress);
  put_in_order(group.egress);
  return group;
}

}  // namespace

void add_security_groups(const model::Model& model, States& states) {
  const Members members = members_of(model);
  std::map<nodestate::SecurityGroupId, const model::SecurityGroup*> by_id;
  for (const auto& [name, group] : model.all<model::SecurityGroup>()) {
    by_id.emplace(nodestate::SecurityGroupId(group.meta.number), &group);
  }
  for (auto& [node, state] : states) {
    std::set<nodestate::SecurityGroupId> wanted;
    for (const auto& [id, port] : state.ports)
      wanted.insert(port.security_groups.begin(), port.security_groups.end());
    for (const nodestate::SecurityGroupId id : wanted) {
      if (const auto found = by_id.find(id); found != by_id.end()) {
        state.security_groups[id] = group_row(*found->second, members);
      }
    }
  }
}

}  // namespace farspan::compiler
