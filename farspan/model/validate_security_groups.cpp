// SPDX-License-Identifier: Apache-2.0
// Security groups: peers that there can be, ports where ports exist.
#include "farspan/model/faults.h"
#include "farspan/model/limits.h"
#include "farspan/net/reserved.h"

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
    } else if (const net::ReservedRange* range = net::reserved_overlap(*prefix);
               range != nullptr && range->prefix.contains(*prefix)) {
      faults.add(group, at + ".peer_cidr",
                 prefix->text() + " lies in " + range->prefix.text() + " (" + range->use +
                     "), from where nobody comes",
                 "name the addresses of the other side; 0.0.0.0/0 is anybody");
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
  size_t group_peers = 0;
  for (size_t i = 0; i < group.rules.size(); ++i) {
    const SecurityRule& rule = group.rules[i];
    const std::string at = indexed("rules", i);
    check_ports(group, rule, at, faults);
    check_peer(group, rule, at, faults);
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
