// SPDX-License-Identifier: Apache-2.0
// reach: walks the compiled states as a packet and its answer would, if every tunnel is up.
//
// It does on the rows what the data plane does on its tables: the table by ingress, the longest
// prefix, policy routes by source, traffic selectors of office tunnels, security groups at ports,
// and answers that pass because the node remembers the flow (per VRF) when they come from where the
// first packet went.
#include <algorithm>
#include <map>
#include <optional>

#include "farspan/compiler/network.h"

namespace farspan::compiler {
namespace {

using nodestate::NodeState;
using States = NodeStates;

constexpr int kMaxHops = 32;

// Where a packet is: on a node, in a VRF, having come in through a port or a tunnel.
struct Place {
  std::string node;
  nodestate::VrfId vrf;
  nodestate::TableKind table = nodestate::TableKind::kVpc;
  std::optional<nodestate::PortId> port;
  std::optional<nodestate::TunnelId> tunnel;
};

// A host: where its packets enter, and its name in a path.
struct Host {
  std::string name;
  bool is_instance = false;
  Place entry;
};

std::vector<Host> hosts_at(const States& states, const net::Address& address) {
  std::vector<Host> hosts;
  for (const auto& [node, state] : states) {
    for (const auto& [id, port] : state->ports) {
      if (port.address != address) continue;
      hosts.push_back(
          {port.instance, true, {node, port.vrf, nodestate::TableKind::kVpc, id, std::nullopt}});
    }
    for (const auto& [id, tunnel] : state->tunnels) {
      const auto* office = std::get_if<nodestate::OfficeTunnel>(&tunnel.use);
      const auto& subnets = tunnel.ike.remote_subnets;
      const bool is_behind = std::any_of(subnets.begin(), subnets.end(),
                                         [&](const auto& s) { return s.contains(address); });
      if (office == nullptr || !is_behind) continue;
      hosts.push_back({office->connection,
                       false,
                       {node, office->vrf, nodestate::TableKind::kGateway, std::nullopt, id}});
    }
  }
  return hosts;
}

// The longest prefix around `to`, and of its routes the one with the longest source around `from`:
// at most 33 places in the sorted table.
const nodestate::NextHop* lookup(const NodeState& state, const Place& place,
                                 const net::Address& from, const net::Address& to) {
  for (int length = to.bits(); length >= 0; --length) {
    const net::Prefix destination = net::Prefix::covering(to, length);
    const nodestate::NextHop* next_hop = nullptr;
    int best = -2;
    const nodestate::RouteKey first{place.vrf, place.table, destination, std::nullopt};
    for (auto row = state.routes.lower_bound(first); row != state.routes.end(); ++row) {
      const nodestate::RouteKey& key = row->first;
      if (key.vrf != place.vrf || key.table != place.table || key.destination != destination) break;
      if (key.source && !key.source->contains(from)) continue;
      const int rank = key.source ? key.source->length() : -1;
      if (rank <= best) continue;
      best = rank;
      next_hop = &row->second;
    }
    if (next_hop != nullptr) return next_hop;
  }
  return nullptr;
}

std::string word_of(const Probe& probe) {
  switch (probe.protocol) {
    case 1:
      return "icmp";
    case 6:
      return "tcp " + std::to_string(probe.port);
    case 17:
      return "udp " + std::to_string(probe.port);
    default:
      return "protocol " + std::to_string(probe.protocol);
  }
}

bool fits(const nodestate::Rule& rule, const Probe& probe, const net::Address& peer) {
  if (rule.protocol != 0 && rule.protocol != probe.protocol) return false;
  const bool has_ports = rule.protocol == 6 || rule.protocol == 17;
  if (has_ports && (probe.port < rule.port_low || probe.port > rule.port_high)) return false;
  return rule.peer.contains(peer);
}

// The verdict of all groups of `port`; an empty text when they let the packet pass.
std::string refusal(const NodeState& state, const nodestate::Port& port, bool is_ingress,
                    const Probe& probe, const net::Address& peer) {
  const nodestate::Rule* decisive = nullptr;
  std::string by, all;
  for (const nodestate::SecurityGroupId id : port.security_groups) {
    const auto group = state.security_groups.find(id);
    if (group == state.security_groups.end()) continue;
    all += (all.empty() ? "" : ", ") + group->second.name;
    for (const nodestate::Rule& rule : is_ingress ? group->second.ingress : group->second.egress) {
      if (!fits(rule, probe, peer)) continue;
      const bool is_better =
          decisive == nullptr || rule.priority < decisive->priority ||
          (rule.priority == decisive->priority && rule.action == nodestate::RuleAction::kDrop);
      if (is_better) {
        decisive = &rule;
        by = group->second.name;
      }
    }
  }
  const std::string direction = is_ingress ? " from " : " to ";
  if (decisive == nullptr) {
    if (!is_ingress) return {};
    return "SecurityGroup " + all + ": no rule accepts " + word_of(probe) + direction + peer.text();
  }
  if (decisive->action == nodestate::RuleAction::kAccept) return {};
  return "SecurityGroup " + by + ": a rule drops " + word_of(probe) + direction + peer.text();
}

bool selects(const std::vector<net::Prefix>& subnets, const net::Address& address) {
  return std::any_of(subnets.begin(), subnets.end(),
                     [&](const net::Prefix& subnet) { return subnet.contains(address); });
}

// Follows a packet, then its answer, over the nodes.
class Walk {
 public:
  Walk(const States& states, const Probe& probe) : states_(states), probe_(probe) {}

  std::vector<std::string> path;
  std::string reason;

  /// True when a packet from `from` at `host` gets to `to` at `target`. Fills path on the first
  /// walk.
  bool goes(const Host& host, const net::Address& from, const net::Address& to, const Host& target,
            bool is_answer) {
    from_ = from;
    to_ = to;
    is_answer_ = is_answer;
    Place place = host.entry;
    note(host.name);
    if (!enters(place)) return false;
    for (int hop = 0; hop < kMaxHops; ++hop) {
      note(place.node);
      const NodeState& state = *states_.at(place.node);
      const nodestate::NextHop* next_hop = lookup(state, place, from, to);
      if (next_hop == nullptr) {
        return refuse(
            where(state, place) + ": no route to " + to.text() +
            (place.table == nodestate::TableKind::kGateway ? " in the gateway's table" : ""));
      }
      const std::optional<bool> end = step(state, place, *next_hop, target);
      if (end) return *end;
    }
    return refuse("a loop: " + std::to_string(kMaxHops) + " nodes were passed");
  }

 private:
  void note(const std::string& name) {
    if (!is_answer_ && (path.empty() || path.back() != name)) path.push_back(name);
  }
  bool refuse(std::string why) {
    reason = (is_answer_ ? "the answer does not come back: " : "") + std::move(why);
    return false;
  }
  static std::string where(const NodeState& state, const Place& place) {
    const auto vrf = state.vrfs.find(place.vrf);
    return "Vpc " + (vrf == state.vrfs.end() ? "?" : vrf->second.vpc) + " on Node " + place.node;
  }

  // Egress rules at a port, traffic selectors at an office's tunnel.
  bool enters(const Place& place) {
    const NodeState& state = *states_.at(place.node);
    if (!place.tunnel)
      return true;  // judged in step(), where it is known whether this is an answer
    const nodestate::Tunnel& tunnel = state.tunnels.at(*place.tunnel);
    if (selects(tunnel.ike.remote_subnets, from_) && selects(tunnel.ike.local_subnets, to_))
      return true;
    return refuse("IpsecConnection " + std::get<nodestate::OfficeTunnel>(tunnel.use).connection +
                  ": its traffic selectors do not hold " + from_.text() + " to " + to_.text());
  }

  // One node's decision. A value: the walk ends here. Nothing: it goes on at `place`.
  std::optional<bool> step(const NodeState& state, Place& place, const nodestate::NextHop& next_hop,
                           const Host& target) {
    const bool is_known = remembered(place);
    if (place.port && !is_known) {
      if (auto why = refusal(state, state.ports.at(*place.port), false, probe_, to_); !why.empty())
        return refuse(why);
    }
    if (const auto* to_port = std::get_if<nodestate::ToPort>(&next_hop)) {
      const nodestate::Port& port = state.ports.at(to_port->port);
      if (!is_known) {
        if (auto why = refusal(state, port, true, probe_, from_); !why.empty()) return refuse(why);
      }
      remember(place, to_port->port, std::nullopt);
      note(port.instance);
      return target.is_instance && target.name == port.instance
                 ? true
                 : refuse("it ends at Instance " + port.instance);
    }
    if (const auto* to_tunnel = std::get_if<nodestate::ToTunnel>(&next_hop)) {
      if (place.tunnel == to_tunnel->tunnel)
        return refuse(where(state, place) + ": the route leads back where it came from");
      remember(place, std::nullopt, to_tunnel->tunnel);
      return leaves(state, place, *to_tunnel, target);
    }
    if (std::holds_alternative<nodestate::ToRouter>(next_hop)) {
      return refuse(where(state, place) + ": " + to_.text() + " is the router itself");
    }
    return refuse(where(state, place) + ": no instance has the address " + to_.text());
  }

  std::optional<bool> leaves(const NodeState& state, Place& place, const nodestate::ToTunnel& hop,
                             const Host& target) {
    const nodestate::Tunnel& tunnel = state.tunnels.at(hop.tunnel);
    if (const auto* office = std::get_if<nodestate::OfficeTunnel>(&tunnel.use)) {
      if (!selects(tunnel.ike.local_subnets, from_) || !selects(tunnel.ike.remote_subnets, to_)) {
        return refuse("IpsecConnection " + office->connection +
                      ": its traffic selectors do not hold " + from_.text() + " to " + to_.text());
      }
      note(office->connection);
      return !target.is_instance && target.name == office->connection
                 ? true
                 : refuse("it ends at IpsecConnection " + office->connection);
    }
    const std::string& peer = std::get<nodestate::LinkTunnel>(tunnel.use).peer_node;
    const NodeState& far = *states_.at(peer);
    const auto vrf = std::find_if(far.vrfs.begin(), far.vrfs.end(),
                                  [&](const auto& row) { return row.second.label == hop.label; });
    const auto back = std::find_if(far.tunnels.begin(), far.tunnels.end(), [&](const auto& row) {
      const auto* link = std::get_if<nodestate::LinkTunnel>(&row.second.use);
      return link != nullptr && link->peer_node == place.node;
    });
    if (vrf == far.vrfs.end() || back == far.tunnels.end())
      return refuse("Node " + peer + " does not know the label");
    place = {peer, vrf->first, nodestate::TableKind::kVpc, std::nullopt, back->first};
    return std::nullopt;
  }

  // Flows of the first walk: (node, flow domain) → where it left. The Vpcs of a Cen are one domain,
  // so an answer is one also when it comes from another VRF of the node.
  struct Exit {
    std::optional<nodestate::PortId> port;
    std::optional<nodestate::TunnelId> tunnel;
  };
  void remember(const Place& place, std::optional<nodestate::PortId> port,
                std::optional<nodestate::TunnelId> tunnel) {
    if (!is_answer_) flows_[{place.node, domain_of(place)}] = {port, tunnel};
  }
  uint32_t domain_of(const Place& place) const {
    const auto& vrfs = states_.at(place.node)->vrfs;
    const auto vrf = vrfs.find(place.vrf);
    return vrf == vrfs.end() || vrf->second.flow_domain == 0 ? place.vrf.value()
                                                             : vrf->second.flow_domain;
  }
  bool remembered(const Place& place) const {
    const auto flow = flows_.find({place.node, domain_of(place)});
    return is_answer_ && flow != flows_.end() && flow->second.port == place.port &&
           flow->second.tunnel == place.tunnel;
  }

  const States& states_;
  const Probe& probe_;
  net::Address from_, to_;
  bool is_answer_ = false;
  std::map<std::pair<std::string, uint32_t>, Exit> flows_;
};

// An address may exist in several Vpcs that do not know of each other: any pair that talks is the
// answer.
Reachability between(const States& states, const std::vector<Host>& sources,
                     const std::vector<Host>& targets, const net::Address& from,
                     const net::Address& to, const Probe& probe) {
  Reachability result;
  if (sources.empty()) result.reason = "nothing has the address " + from.text();
  if (targets.empty()) result.reason = "nothing has the address " + to.text();
  for (const Host& source : sources) {
    for (const Host& target : targets) {
      Walk walk(states, probe);
      const bool is_there =
          walk.goes(source, from, to, target, false) && walk.goes(target, to, from, source, true);
      if (is_there) return {true, walk.path, {}};
      if (result.path.empty()) result = {false, walk.path, walk.reason};
    }
  }
  return result;
}

// The same as hosts_at(), from the pieces: nothing is looked through but the instances of a
// vSwitch. An office whose selectors are everything is behind the routes that lead to it.
std::vector<Host> hosts_in(const Pieces& pieces, const net::Address& address) {
  std::vector<Host> hosts;
  for (const auto& [vpc, piece] : pieces.by_vpc) {
    const VpcSite& site = piece->site;
    const auto* vswitch = site.vswitch_around(net::Prefix::host(address));
    if (const auto found = site.instances.find(vswitch); found != site.instances.end()) {
      for (const model::Instance* instance : found->second) {
        if (instance->address != address) continue;
        hosts.push_back({instance->meta.name,
                         true,
                         {instance->node, site.vrf, nodestate::TableKind::kVpc, port_of(*instance),
                          std::nullopt}});
      }
    }
    std::map<nodestate::TunnelId, const model::IpsecConnection*> offices;
    for (int length = address.bits(); length >= 0; --length) {
      for (const RibRoute& route : piece->to(net::Prefix::covering(address, length)))
        if (route.connection != nullptr && selects(route.connection->remote_subnets, address))
          offices.emplace(tunnel_of(*route.connection), route.connection);
    }
    for (const auto& [id, office] : offices) {
      hosts.push_back({office->meta.name,
                       false,
                       {site.gateway_node->meta.name, site.vrf, nodestate::TableKind::kGateway,
                        std::nullopt, id}});
    }
  }
  // As the nodes stand in the states, so that of several refusals the same one is told.
  std::stable_sort(hosts.begin(), hosts.end(),
                   [](const Host& a, const Host& b) { return a.entry.node < b.entry.node; });
  return hosts;
}

}  // namespace

Reachability reach(const std::map<std::string, NodeState>& states, const net::Address& from,
                   const net::Address& to, const Probe& probe) {
  States seen;  // owned by the caller
  for (const auto& [node, state] : states)
    seen.emplace(node, std::shared_ptr<const NodeState>(std::shared_ptr<void>(), &state));
  return between(seen, hosts_at(seen, from), hosts_at(seen, to), from, to, probe);
}

Reachability reach(const Network& network, const net::Address& from, const net::Address& to,
                   const Probe& probe) {
  return between(network.states, hosts_in(network.pieces, from), hosts_in(network.pieces, to), from,
                 to, probe);
}

}  // namespace farspan::compiler
