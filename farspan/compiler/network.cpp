// SPDX-License-Identifier: Apache-2.0
// make_network: the whole, from the model alone. Rows are collected per node and become sorted
// tables at the end, because that is several times faster than putting each into its place.
#include "farspan/compiler/network.h"

#include <algorithm>

#include "farspan/compiler/rows.h"

namespace farspan::compiler {
namespace {

using nodestate::NodeState;
using nodestate::RouteKey;

class Maker final : public RouteRows {
 public:
  Maker(Network& network, uint64_t generation) : network_(network), generation_(generation) {}

  void run() {
    const model::Model& model = network_.model;
    for (const auto& [name, node] : model.all<model::Node>()) nodes_[name].state.node = name;
    for (const auto& [name, vpc] : model.all<model::Vpc>())
      network_.pieces.replace(name, nullptr, make_piece(place(model, network_.users, vpc)));
    AnnouncedByCen announced(network_.pieces);
    for (const auto& [name, piece] : network_.pieces.by_vpc) {
      add_small_tables(*piece);
      for (const RibRoute& route : piece->own)
        if (route.is_active()) add_route_rows(piece->site, route, *this);
      for_each_learned(announced.around(*piece), *piece,
                       [this, &site = piece->site](const RibRoute& route) {
                         add_route_rows(site, route, *this);
                       });
    }
    add_links();
    add_security_groups();
    finish();
  }

  void put(const model::Node& at, const RouteKey& key, const nodestate::NextHop& next_hop,
           const model::Node* peer) override {
    nodes_.at(at.meta.name).routes.emplace_back(key, next_hop);
    if (peer != nullptr)
      ++network_.links[{at.meta.number, peer->meta.number,
                        *std::get<nodestate::ToTunnel>(next_hop).label}];
  }

 private:
  struct Node {
    NodeState state;
    std::vector<nodestate::Routes::value_type> routes;
  };

  void add_small_tables(const VpcPiece& piece) {
    const VpcSite& site = piece.site;
    for (const model::Node* node : site.nodes)
      nodes_.at(node->meta.name).state.vrfs[site.vrf] = vrf_row(site);
    for (const auto& [vswitch, instances] : site.instances) {
      for (const model::Instance* instance : instances) {
        const auto node = nodes_.find(instance->node);
        if (node == nodes_.end()) continue;
        node->second.state.ports[port_of(*instance)] =
            port_row(network_.model, site, *vswitch, *instance);
      }
    }
    for (const model::IpsecConnection* connection : site.connections) {
      const auto* office =
          network_.model.find<model::CustomerGateway>(connection->customer_gateway);
      if (office == nullptr) continue;
      nodes_.at(site.gateway_node->meta.name).state.tunnels[tunnel_of(*connection)] =
          office_tunnel_row(piece, *connection, *office);
    }
  }

  void add_links() {
    std::map<uint32_t, const model::Node*> by_number;
    for (const auto& [name, node] : network_.model.all<model::Node>())
      by_number.emplace(node.meta.number, &node);
    std::set<std::pair<uint32_t, uint32_t>> pairs;
    for (const auto& [use, rows] : network_.links) {
      pairs.emplace(use.from, use.to);
      pairs.emplace(use.to, use.from);
    }
    for (const auto& [from, to] : pairs) {
      const model::Node &local = *by_number.at(from), &peer = *by_number.at(to);
      nodes_.at(local.meta.name).state.tunnels[link_to(peer)] =
          link_row(local, peer, labels_between(network_.links, peer, local));
    }
  }

  // On the nodes that have a port of a member.
  void add_security_groups() {
    for (const auto& [name, group] : network_.model.all<model::SecurityGroup>()) {
      const nodestate::SecurityGroupId id(group.meta.number);
      std::optional<nodestate::SecurityGroup> row;
      network_.users.for_each_of<model::Instance, model::SecurityGroup>(
          network_.model, name, [&, &group = group](const model::Instance& instance) {
            const auto node = nodes_.find(instance.node);
            if (node == nodes_.end() || !node->second.state.ports.contains(port_of(instance)))
              return;
            if (!row) row = group_row(network_.model, network_.users, group);
            node->second.state.security_groups.try_emplace(id, *row);
          });
    }
  }

  // Where two routes lead from one key the later one counts, which only happens with faults.
  void finish() {
    for (auto& [name, node] : nodes_) {
      auto& routes = node.routes;
      std::stable_sort(routes.begin(), routes.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
      const auto keeps =
          std::unique(routes.rbegin(), routes.rend(), [](const auto& a, const auto& b) {
            return a.first == b.first;
          }).base();
      routes.erase(routes.begin(), keeps);
      node.state.routes = nodestate::Routes::from_sorted(std::move(routes));
      node.state.generation = generation_;
      network_.states.emplace(name, std::make_shared<const NodeState>(std::move(node.state)));
    }
  }

  Network& network_;
  const uint64_t generation_;
  std::map<std::string, Node> nodes_;
};

}  // namespace

std::set<nodestate::Label> labels_between(const LinkUses& uses, const model::Node& from,
                                          const model::Node& to) {
  std::set<nodestate::Label> labels;
  for (auto use = uses.lower_bound({from.meta.number, to.meta.number, nodestate::Label(0)});
       use != uses.end() && use->first.from == from.meta.number && use->first.to == to.meta.number;
       ++use)
    labels.insert(labels.end(), use->first.label);
  return labels;
}

Network make_network(model::Model model, uint64_t generation) {
  Network network;
  network.users = model::Users(model);
  network.claims = model::Claims(model);
  network.model = std::move(model);
  Maker(network, generation).run();
  return network;
}

}  // namespace farspan::compiler
