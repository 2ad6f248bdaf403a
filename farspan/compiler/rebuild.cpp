// SPDX-License-Identifier: Apache-2.0
// rebuild: the next network from the standing one. See network.h for how.
#include <algorithm>
#include <optional>
#include <set>

#include "farspan/compiler/network.h"
#include "farspan/compiler/rows.h"

namespace farspan::compiler {
namespace {

using model::ResourceId;
using nodestate::Delta;
using nodestate::NodeState;

// What is to be put under a key, or nothing: to be taken away. The last word about a key counts.
template <class Table>
using Edits = std::map<typename Table::key_type, std::optional<typename Table::mapped_type>>;

struct NodeEdits {
  Edits<nodestate::Vrfs> vrfs;
  Edits<nodestate::Ports> ports;
  Edits<nodestate::SecurityGroups> security_groups;
  Edits<nodestate::Tunnels> tunnels;
  Edits<nodestate::Routes> routes;
};

template <class Table, class Changes>
void apply_edits(const Edits<Table>& edits, Table& table, Changes& changes) {
  for (const auto& [key, row] : edits) {
    const auto standing = table.find(key);
    if (!row && standing != table.end()) {
      table.erase(key);
      changes.removals.insert(key);
    } else if (row && (standing == table.end() || !(standing->second == *row))) {
      table.insert_or_assign(key, *row);
      changes.upserts.emplace(key, *row);
    }
  }
}

// Names as a person gave them to a Node; what rows are made of.
bool has_same_rows(const model::Node& a, const model::Node& b) {
  return a.meta.number == b.meta.number && a.region == b.region &&
         a.public_address == b.public_address && a.identity() == b.identity();
}

bool are_same(const std::vector<const model::Node*>& a, const std::vector<const model::Node*>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto* x, const auto* y) { return x->meta.name == y->meta.name; });
}

// Whatever a row of any of its routes is made of besides the route itself.
bool stands_the_same(const VpcSite& a, const VpcSite& b) {
  const auto name_of = [](const model::Node* node) {
    return node == nullptr ? std::string() : node->meta.name;
  };
  return a.vrf == b.vrf && a.cen == b.cen && a.cen_number == b.cen_number &&
         a.vswitches == b.vswitches && are_same(a.nodes, b.nodes) &&
         name_of(a.gateway_node) == name_of(b.gateway_node);
}

// Do the two give the same rows, and are they announced alike? @pre their owners stand the same
bool is_same_route(const RibRoute& a, const RibRoute& b) {
  const auto instances = [](const RibRoute& route) {
    const auto found = route.owner->instances.find(route.vswitch);
    return found == route.owner->instances.end() ? std::vector<const model::Instance*>()
                                                 : found->second;
  };
  return a.candidate.source == b.candidate.source && a.candidate.state == b.candidate.state &&
         a.candidate.is_in_vpc == b.candidate.is_in_vpc &&
         a.candidate.is_published_to_cen == b.candidate.is_published_to_cen &&
         a.vswitch == b.vswitch && (a.connection == nullptr) == (b.connection == nullptr) &&
         (a.connection == nullptr || tunnel_of(*a.connection) == tunnel_of(*b.connection)) &&
         (a.vswitch == nullptr || instances(a) == instances(b));
}

std::set<net::Prefix> destinations_of(const VpcPiece* piece) {
  std::set<net::Prefix> destinations;
  if (piece == nullptr) return destinations;
  for (const RibRoute& route : piece->own)
    destinations.insert(destinations.end(), route.candidate.destination);
  return destinations;
}

// Destinations to which the two have not the same routes. @pre they stand the same
std::set<net::Prefix> differences(const VpcPiece& a, const VpcPiece& b) {
  std::set<net::Prefix> destinations;
  const auto add_from = [&](const VpcPiece& from, const VpcPiece& other) {
    for (auto first = from.own.begin(); first != from.own.end();) {
      const net::Prefix& destination = first->candidate.destination;
      auto last = first;
      while (last != from.own.end() && last->candidate.destination == destination) ++last;
      const auto others = other.to(destination);
      if (!std::equal(first, last, others.begin(), others.end(), is_same_route))
        destinations.insert(destination);
      first = last;
    }
  };
  add_from(a, b);
  add_from(b, a);
  return destinations;
}

class Rebuilder {
 public:
  Rebuilder(const Network& before, model::Model model, const std::vector<ResourceId>& changed,
            uint64_t generation)
      : before_(before), changed_(changed), generation_(generation) {
    network_.model = std::move(model);
  }

  Rebuilt run() {
    if (is_large()) return whole();
    network_.users = before_.users;
    network_.claims = before_.claims;
    network_.pieces = before_.pieces;
    network_.links = before_.links;
    network_.states = before_.states;
    for (const ResourceId& id : changed_) {
      model::with_resource(before_.model, id, [&](const auto& old) {
        network_.users.remove(old);
        network_.claims.remove(old);
      });
      model::with_resource(network_.model, id, [&](const auto& now) {
        network_.users.add(now);
        network_.claims.add(now);
      });
    }
    for (const ResourceId& id : changed_) {
      model::with_resource(before_.model, id, [&](const auto& old) { touch(old, before_); });
      model::with_resource(network_.model, id, [&](const auto& now) { touch(now, network_); });
    }
    if (is_whole_) return whole();
    for (const std::string& vpc : vpcs_) renew(vpc);
    // What goes is taken away before anything is put: a number may come back under another name.
    for (const auto& [vpc, piece] : old_pieces_)
      take_small_tables(piece.get(), network_.pieces.find(vpc));
    for (const auto& [vpc, piece] : old_pieces_)
      put_small_tables(piece.get(), network_.pieces.find(vpc));
    edit_routes();
    edit_security_groups();
    return finish();
  }

  Rebuilt whole() {
    Rebuilt rebuilt{make_network(std::move(network_.model), generation_), {}};
    for (auto& [node, state] : rebuilt.network.states) {
      const auto standing = before_.states.find(node);
      NodeState nothing;
      nothing.node = node;
      const bool is_new = standing == before_.states.end();
      Delta delta = nodestate::diff(is_new ? nothing : *standing->second, *state);
      if (!is_new && delta.empty())
        state = standing->second;
      else
        rebuilt.deltas.emplace(node, std::move(delta));
    }
    add_gone_nodes(rebuilt);
    return rebuilt;
  }

 private:
  // Whole costs about as much per resource as this does per change and a half.
  bool is_large() const {
    size_t count = 0;
    std::apply([&](const auto&... by_name) { ((count += by_name.size()), ...); },
               before_.model.kinds);
    return changed_.size() > 64 && changed_.size() > count / 16;
  }

  void add_gone_nodes(Rebuilt& rebuilt) const {
    for (const auto& [node, state] : before_.states) {
      if (rebuilt.network.states.contains(node)) continue;
      NodeState nothing;
      nothing.node = node;
      rebuilt.deltas.insert_or_assign(node, nodestate::diff(*state, nothing));
    }
  }

  // ---- what belongs to whom: the Vpcs and groups whose rows a resource has to do with

  void touch_gateway(const std::string& name, const Network& in) {
    if (const auto* gateway = in.model.find<model::VpnGateway>(name)) vpcs_.insert(gateway->vpc);
  }
  void touch(const model::Region&, const Network&) {}
  void touch(const model::Cen&, const Network&) {}
  void touch(const model::Vpc& vpc, const Network&) { vpcs_.insert(vpc.meta.name); }
  void touch(const model::VSwitch& vswitch, const Network&) { vpcs_.insert(vswitch.vpc); }
  void touch(const model::VpnGateway& gateway, const Network&) { vpcs_.insert(gateway.vpc); }
  void touch(const model::CenAttachment& attachment, const Network&) {
    vpcs_.insert(attachment.vpc);
  }
  void touch(const model::CenRoute& route, const Network&) { vpcs_.insert(route.vpc); }
  void touch(const model::IpsecConnection& connection, const Network& in) {
    touch_gateway(connection.vpn_gateway, in);
  }
  void touch(const model::VpnRoute& route, const Network& in) {
    touch_gateway(route.vpn_gateway, in);
  }
  void touch(const model::CustomerGateway& office, const Network& in) {
    offices_.insert(office.meta.name);
    in.users.for_each_of<model::IpsecConnection, model::CustomerGateway>(
        in.model, office.meta.name,
        [&](const model::IpsecConnection& connection) { touch(connection, in); });
  }
  void touch(const model::Instance& instance, const Network& in) {
    if (const auto* vswitch = in.model.find<model::VSwitch>(instance.vswitch))
      vpcs_.insert(vswitch->vpc);
    for (const std::string& group : instance.security_groups) touch_group(group, in);
  }
  void touch(const model::SecurityGroup& group, const Network& in) {
    touch_group(group.meta.name, in);
  }
  // Members stand in the rules of the groups that name theirs.
  void touch_group(const std::string& name, const Network& in) {
    groups_.insert(name);
    in.users.for_each_of<model::SecurityGroup, model::SecurityGroup>(
        in.model, name, [&](const model::SecurityGroup& user) { groups_.insert(user.meta.name); });
  }
  void touch(const model::Node& node, const Network&) {
    nodes_.insert(node.meta.name);
    const auto* old = before_.model.find<model::Node>(node.meta.name);
    const auto* now = network_.model.find<model::Node>(node.meta.name);
    if (old != nullptr && now != nullptr && !has_same_rows(*old, *now)) is_whole_ = true;
    for (const auto& [vpc, piece] : before_.pieces.by_vpc)
      if (piece->site.stands_on(old)) vpcs_.insert(vpc);
  }

  // ---- pieces, and which destinations in whose tables they touch

  void renew(const std::string& vpc) {
    const auto standing = before_.pieces.by_vpc.find(vpc);
    const Piece old = standing == before_.pieces.by_vpc.end() ? nullptr : standing->second;
    const auto* declared = network_.model.find<model::Vpc>(vpc);
    if (old == nullptr && declared == nullptr) return;
    const Piece now = declared == nullptr
                          ? nullptr
                          : make_piece(place(network_.model, network_.users, *declared));
    network_.pieces.replace(vpc, old, now);
    old_pieces_.emplace(vpc, old);
    if (old != nullptr && now != nullptr && stands_the_same(old->site, now->site)) {
      const auto changed = differences(*old, *now);
      destinations_[vpc].insert(changed.begin(), changed.end());
      touch_learners(before_.pieces, *old, changed);
      return;
    }
    whole_vpcs_.insert(vpc);
    if (old != nullptr) touch_learners(before_.pieces, *old, destinations_of(old.get()));
    if (now != nullptr) new_announcers_.emplace_back(now, destinations_of(now.get()));
  }

  void touch_learners(const Pieces& pieces, const VpcPiece& piece,
                      const std::set<net::Prefix>& destinations) {
    for (const VpcPiece* other : pieces.cen_of(piece)) {
      if (other == &piece) continue;
      auto& touched = destinations_[other->site.vpc->meta.name];
      touched.insert(destinations.begin(), destinations.end());
    }
  }

  // ---- rows

  void take_small_tables(const VpcPiece* old, const VpcPiece* now) {
    if (old == nullptr) return;
    for (const model::Node* node : old->site.nodes)
      edits_[node->meta.name].vrfs[old->site.vrf] = std::nullopt;
    if (!has_same_ports(old, now)) {
      for (const auto& [vswitch, instances] : old->site.instances)
        for (const model::Instance* instance : instances)
          edits_[instance->node].ports[port_of(*instance)] = std::nullopt;
    }
    for (const auto* connection : old->site.connections) {
      if (!has_same_tunnel(*connection, old, now))
        edits_[old->site.gateway_node->meta.name].tunnels[tunnel_of(*connection)] = std::nullopt;
    }
  }

  void put_small_tables(const VpcPiece* old, const VpcPiece* now) {
    if (now == nullptr) return;
    for (const model::Node* node : now->site.nodes)
      edits_[node->meta.name].vrfs[now->site.vrf] = vrf_row(now->site);
    if (!has_same_ports(old, now)) {
      for (const auto& [vswitch, instances] : now->site.instances)
        for (const model::Instance* instance : instances)
          edits_[instance->node].ports[port_of(*instance)] =
              port_row(network_.model, now->site, *vswitch, *instance);
    }
    for (const auto* connection : now->site.connections) {
      const auto* office =
          network_.model.find<model::CustomerGateway>(connection->customer_gateway);
      if (office == nullptr || has_same_tunnel(*connection, old, now)) continue;
      edits_[now->site.gateway_node->meta.name].tunnels[tunnel_of(*connection)] =
          office_tunnel_row(*now, *connection, *office);
    }
  }

  static bool has_same_ports(const VpcPiece* old, const VpcPiece* now) {
    return old != nullptr && now != nullptr && old->site.vrf == now->site.vrf &&
           old->site.vswitches == now->site.vswitches && old->site.instances == now->site.instances;
  }

  // A connection that did not change has its address in both models.
  bool has_same_tunnel(const model::IpsecConnection& connection, const VpcPiece* old,
                       const VpcPiece* now) const {
    return old != nullptr && now != nullptr && old->site.vrf == now->site.vrf &&
           old->site.gateway_node == now->site.gateway_node && now->site.gateway != nullptr &&
           old->site.gateway->meta.name == now->site.gateway->meta.name &&
           before_.model.find<model::IpsecConnection>(connection.meta.name) ==
               network_.model.find<model::IpsecConnection>(connection.meta.name) &&
           !offices_.contains(connection.customer_gateway) &&
           old->standby_of(connection) == now->standby_of(connection);
  }

  // Rows that are taken away, or put; links are counted along.
  class RouteEdits final : public RouteRows {
   public:
    RouteEdits(std::map<std::string, NodeEdits>& edits, LinkUses& links, bool is_put)
        : edits_(edits), links_(links), is_put_(is_put) {}
    void put(const model::Node& at, const nodestate::RouteKey& key,
             const nodestate::NextHop& next_hop, const model::Node* peer) override {
      auto& edit = edits_[at.meta.name].routes[key];
      if (is_put_)
        edit = next_hop;
      else
        edit.reset();
      if (peer != nullptr)
        links_[{at.meta.number, peer->meta.number,
                *std::get<nodestate::ToTunnel>(next_hop).label}] +=
            is_put_ ? uint64_t{1} : ~uint64_t{0};
    }

   private:
    std::map<std::string, NodeEdits>& edits_;
    LinkUses& links_;
    const bool is_put_;
  };

  void edit_routes() {
    for (const auto& [piece, destinations] : new_announcers_)
      touch_learners(network_.pieces, *piece, destinations);
    LinkUses links;  // the change of each
    RouteEdits taken(edits_, links, false), put(edits_, links, true);
    add_touched(before_.pieces, taken);
    add_touched(network_.pieces, put);
    std::set<std::pair<uint32_t, uint32_t>> touched;
    for (const auto& [use, change] : links)
      if (count_link(use, change)) touched.insert(std::minmax(use.from, use.to));
    edit_links(touched);
  }

  void add_touched(const Pieces& pieces, RouteRows& rows) const {
    AnnouncedByCen announced(pieces);
    for (const std::string& vpc : whole_vpcs_) {
      const VpcPiece* piece = pieces.find(vpc);
      if (piece == nullptr) continue;
      for (const RibRoute& route : piece->own)
        if (route.is_active()) add_route_rows(piece->site, route, rows);
      for_each_learned(announced.around(*piece), *piece,
                       [&](const RibRoute& route) { add_route_rows(piece->site, route, rows); });
    }
    for (const auto& [vpc, destinations] : destinations_) {
      const VpcPiece* piece = whole_vpcs_.contains(vpc) ? nullptr : pieces.find(vpc);
      if (piece == nullptr) continue;
      for (const net::Prefix& destination : destinations) {
        for (const RibRoute& route : piece->to(destination))
          if (route.is_active()) add_route_rows(piece->site, route, rows);
        if (const RibRoute* route = learned(pieces, *piece, destination))
          add_route_rows(piece->site, *route, rows);
      }
    }
  }

  // True when the label is new on this link, or gone from it.
  bool count_link(const LinkUse& use, uint64_t change) {
    if (change == 0) return false;
    uint64_t& rows = network_.links[use];
    const bool was_there = rows != 0;
    rows += change;
    const bool is_there = rows != 0;
    if (!is_there) network_.links.erase(use);
    return was_there != is_there;
  }

  void edit_links(const std::set<std::pair<uint32_t, uint32_t>>& touched) {
    if (touched.empty()) return;
    std::map<uint32_t, const model::Node*> by_number;
    for (const Network* network : {static_cast<const Network*>(&network_), &before_})
      for (const auto& [name, node] : network->model.all<model::Node>())
        by_number.emplace(node.meta.number, &node);
    for (const auto& [a, b] : touched) {
      const model::Node &one = *by_number.at(a), &other = *by_number.at(b);
      auto to_one = labels_between(network_.links, other, one);
      auto to_other = labels_between(network_.links, one, other);
      auto& at_one = edits_[one.meta.name].tunnels[link_to(other)];
      auto& at_other = edits_[other.meta.name].tunnels[link_to(one)];
      at_one.reset();
      at_other.reset();
      if (to_one.empty() && to_other.empty()) continue;
      at_one = link_row(one, other, std::move(to_one));
      at_other = link_row(other, one, std::move(to_other));
    }
  }

  void edit_security_groups() {
    const auto for_each_node = [](const Network& in, const std::string& group, auto&& visit) {
      in.users.for_each_of<model::Instance, model::SecurityGroup>(
          in.model, group, [&](const model::Instance& instance) { visit(instance.node); });
    };
    for (const std::string& name : groups_) {
      const auto* old = before_.model.find<model::SecurityGroup>(name);
      if (old == nullptr) continue;
      for_each_node(before_, name, [&](const std::string& node) {
        edits_[node].security_groups[nodestate::SecurityGroupId(old->meta.number)] = std::nullopt;
      });
    }
    for (const std::string& name : groups_) {
      const auto* now = network_.model.find<model::SecurityGroup>(name);
      if (now == nullptr) continue;
      const auto row = group_row(network_.model, network_.users, *now);
      for_each_node(network_, name, [&](const std::string& node) {
        edits_[node].security_groups[nodestate::SecurityGroupId(now->meta.number)] = row;
      });
    }
  }

  Rebuilt finish() {
    Rebuilt rebuilt;
    for (const std::string& node : nodes_) {
      if (network_.model.find<model::Node>(node) == nullptr)
        network_.states.erase(node);
      else
        edits_[node];  // a new one has a state, though there is nothing to do
    }
    for (const auto& [node, edits] : edits_) {
      if (network_.model.find<model::Node>(node) == nullptr) continue;
      const auto standing = network_.states.find(node);
      const bool is_new = standing == network_.states.end();
      NodeState state;
      if (!is_new) state = *standing->second;
      Delta delta;
      delta.node = state.node = node;
      delta.from_generation = state.generation;
      delta.to_generation = generation_;
      apply_edits(edits.vrfs, state.vrfs, delta.vrfs);
      apply_edits(edits.ports, state.ports, delta.ports);
      apply_edits(edits.security_groups, state.security_groups, delta.security_groups);
      apply_edits(edits.tunnels, state.tunnels, delta.tunnels);
      apply_edits(edits.routes, state.routes, delta.routes);
      if (!is_new && delta.empty()) continue;
      state.generation = generation_;
      network_.states[node] = std::make_shared<const NodeState>(std::move(state));
      rebuilt.deltas.emplace(node, std::move(delta));
    }
    rebuilt.network = std::move(network_);
    add_gone_nodes(rebuilt);
    return rebuilt;
  }

  const Network& before_;
  const std::vector<ResourceId>& changed_;
  const uint64_t generation_;
  Network network_;  // as far as it is made

  bool is_whole_ = false;
  std::set<std::string> vpcs_, groups_, nodes_;                // touched
  std::set<std::string> offices_;                              // CustomerGateways that changed
  std::map<std::string, Piece> old_pieces_;                    // of the touched Vpcs
  std::set<std::string> whole_vpcs_;                           // all of whose rows are worked out
  std::map<std::string, std::set<net::Prefix>> destinations_;  // of the other Vpcs
  std::vector<std::pair<Piece, std::set<net::Prefix>>> new_announcers_;
  std::map<std::string, NodeEdits> edits_;
};

}  // namespace

Rebuilt rebuild(const Network& before, model::Model model, const std::vector<ResourceId>& changed,
                uint64_t generation) {
  return Rebuilder(before, std::move(model), changed, generation).run();
}

Rebuilt rebuild_whole(const Network& before, model::Model model, uint64_t generation) {
  const std::vector<ResourceId> unknown;
  return Rebuilder(before, std::move(model), unknown, generation).whole();
}

}  // namespace farspan::compiler
