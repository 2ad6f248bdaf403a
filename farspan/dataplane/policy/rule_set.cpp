// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/policy/rule_set.h"

#include <algorithm>
#include <set>

namespace farspan::dataplane {
namespace {

constexpr uint8_t kTcp = 6, kUdp = 17;

bool is_before(const Rule& a, const Rule& b) {
  if (a.priority != b.priority) return a.priority < b.priority;
  return a.verdict == RuleVerdict::kDrop && b.verdict == RuleVerdict::kAccept;
}

}  // namespace

RuleSet RuleSet::compile(std::span<const Rule> ingress, std::span<const Rule> egress) {
  RuleSet set;
  set.sides_[static_cast<size_t>(RuleDirection::kIngress)] = compile_side(ingress);
  set.sides_[static_cast<size_t>(RuleDirection::kEgress)] = compile_side(egress);
  return set;
}

RuleSet::Side RuleSet::compile_side(std::span<const Rule> rules) {
  std::vector<Rule> sorted(rules.begin(), rules.end());
  std::stable_sort(sorted.begin(), sorted.end(), is_before);
  std::set<uint8_t> protocols = {0};
  for (const Rule& rule : sorted) protocols.insert(rule.protocol);

  Side side;
  for (const uint8_t protocol : protocols) {
    side.list_of_protocol[protocol] = static_cast<uint8_t>(side.lists.size());
    std::vector<Compiled>& list = side.lists.emplace_back();
    for (const Rule& rule : sorted) {
      if (rule.protocol != 0 && rule.protocol != protocol) continue;
      const bool has_ports = rule.protocol == kTcp || rule.protocol == kUdp;
      const uint32_t mask = rule.peer_length == 0 ? 0 : ~uint32_t{0} << (32 - rule.peer_length);
      Compiled compiled{rule.peer & mask, mask, 0, UINT16_MAX, rule.verdict};
      if (has_ports) compiled.port_low = rule.port_low, compiled.port_high = rule.port_high;
      list.push_back(compiled);
      // it fits every packet: nothing behind it is ever asked
      if (mask == 0 && compiled.port_low == 0 && compiled.port_high == UINT16_MAX) break;
    }
    list.shrink_to_fit();
  }
  return side;
}

RuleVerdict RuleSet::evaluate(RuleDirection direction, uint8_t protocol, uint16_t destination_port,
                              uint32_t peer) const noexcept {
  const Side& side = sides_[static_cast<size_t>(direction)];
  if (!side.lists.empty()) {
    for (const Compiled& rule : side.lists[side.list_of_protocol[protocol]]) {
      if ((peer & rule.mask) == rule.peer && rule.port_low <= destination_port &&
          destination_port <= rule.port_high) {
        return rule.verdict;
      }
    }
  }
  return direction == RuleDirection::kIngress ? RuleVerdict::kDrop : RuleVerdict::kAccept;
}

}  // namespace farspan::dataplane
