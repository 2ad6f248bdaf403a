// SPDX-License-Identifier: Apache-2.0
// Laws of the compiler on random networks, and an independent answer to "who reaches whom" that
// knows nothing of routes, tables, labels and links: it asks the declared resources directly.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <utility>

#include "farspan/compiler/compile.h"
#include "farspan/compiler/network.h"
#include "farspan/model/any_resource.h"
#include "farspan/model/global_offices.h"
#include "farspan/model/touched.h"
#include "farspan/model/validate.h"
#include "farspan/nodestate/delta.h"

namespace farspan::compiler {
namespace {

using model::testing::cidr;

net::Prefix prefix(uint32_t address, int length) {
  return net::Prefix::covering(net::Address::v4(address), length);
}

// Vpc i owns 172.(16+i).0.0/16 and nodes of its own; office k owns 10.k.0.0/24. A valid model by
// construction.
class RandomNetwork : public model::testing::Draft {
 public:
  explicit RandomNetwork(uint32_t seed) : rng_(seed) {
    const uint32_t vpcs = 1 + below(4);
    for (uint32_t i = 0; i < vpcs; ++i) add_vpc(i);
    add_cens(vpcs);
  }

 private:
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(rng_() % bound); }
  bool chance(uint32_t percent) { return below(100) < percent; }

  void add_vpc(uint32_t i) {
    const std::string name = "v" + std::to_string(i);
    region(name);
    const uint32_t nodes = 1 + below(3);
    for (uint32_t k = 0; k < nodes; ++k) {
      add(name + "-n" + std::to_string(k),
          model::Node{{}, name, net::Address::v4(0xcb007100 + 8 * i + k + 1)});
    }
    add(name, model::Vpc{{}, name, {prefix(0xac100000 + (i << 16), 16)}});
    const uint32_t groups = 1 + below(2);
    for (uint32_t g = 0; g < groups; ++g)
      group(name + "-g" + std::to_string(g), name).is_inner_open = chance(50);
    for (uint32_t s = 0; s < 1 + below(2); ++s) add_vswitch(i, s, nodes, groups);
    for (uint32_t g = 0; g < groups; ++g) add_rules(name, name + "-g" + std::to_string(g), groups);
    if (chance(80)) add_gateway(i, nodes);
  }

  void add_vswitch(uint32_t i, uint32_t s, uint32_t nodes, uint32_t groups) {
    const std::string vpc = "v" + std::to_string(i), name = vpc + "-s" + std::to_string(s);
    const uint32_t base = 0xac100000 + (i << 16) + (s << 8);
    add(name, model::VSwitch{{}, vpc, prefix(base, 24)});
    for (uint32_t k = 0; k < below(3); ++k) {
      model::Instance instance{
          {}, name, net::Address::v4(base + 10 + k), {}, vpc + "-n" + std::to_string(below(nodes)),
          {}};
      instance.security_groups.push_back(vpc + "-g" + std::to_string(below(groups)));
      if (groups == 2 && chance(20)) instance.security_groups = {vpc + "-g0", vpc + "-g1"};
      add(name + "-i" + std::to_string(k), instance);
    }
  }

  void add_rules(const std::string& vpc, const std::string& name, uint32_t groups) {
    auto& rules = model.all<model::SecurityGroup>()[name].rules;
    for (uint32_t r = 0; r < below(5); ++r) {
      model::SecurityRule rule;
      rule.direction = chance(70) ? model::Direction::kIngress : model::Direction::kEgress;
      rule.protocol = chance(50)   ? model::RuleProtocol::kIcmp
                      : chance(50) ? model::RuleProtocol::kTcp
                                   : model::RuleProtocol::kAll;
      if (rule.protocol == model::RuleProtocol::kTcp) rule.ports = {80, 80};
      const uint32_t peer = below(4);
      if (peer == 0) rule.peer = vpc + "-g" + std::to_string(below(groups));
      if (peer == 1) rule.peer = cidr("0.0.0.0/0");
      if (peer == 2) rule.peer = cidr("10.0.0.0/8");
      if (peer == 3) rule.peer = prefix(0xac100000 + (below(4) << 16), 16);
      rule.action = chance(75) ? model::RuleAction::kAccept : model::RuleAction::kDrop;
      rule.priority = static_cast<int>(1 + below(3));
      rules.push_back(rule);
    }
  }

  void add_gateway(uint32_t i, uint32_t nodes) {
    const std::string vpc = "v" + std::to_string(i);
    gateway(vpc, vpc, vpc + "-n" + std::to_string(below(nodes)));
    for (uint32_t k = 0; k < below(3); ++k) {
      const uint32_t number = 10 * i + k;
      const std::string name = "o" + std::to_string(number);
      auto& connection = office(name, vpc, "0.0.0.0", "10.0.0.0/24");
      model.all<model::CustomerGateway>()[name].address = net::Address::v4(0xc6336400 + number + 1);
      connection.remote_subnets = {prefix(0x0a000000 + (number << 16), 24)};
      if (chance(20)) connection.local_subnets = {cidr("172.16.0.0/15"), cidr("10.0.0.0/8")};
      add_routes(vpc, name, number);
    }
  }

  void add_routes(const std::string& vpc, const std::string& office_name, uint32_t number) {
    for (uint32_t r = 0; r < below(3); ++r) {
      model::VpnRoute vpn_route{
          {},           vpc,         prefix(0x0a000000 + (number << 16), 24 + static_cast<int>(r)),
          std::nullopt, office_name, chance(70)};
      if (chance(20)) vpn_route.source = prefix(0xac100000 + (below(4) << 16), 16);
      add(office_name + "-r" + std::to_string(r), vpn_route);
    }
  }

  void add_cens(uint32_t vpcs) {
    add("c", model::Cen{});
    for (uint32_t i = 0; i < vpcs; ++i) {
      if (chance(75)) attach("c", "v" + std::to_string(i));
    }
    uint32_t number = 0;
    for (const auto& [name, vpn_route] : model.all<model::VpnRoute>()) {
      if (!vpn_route.is_published || vpn_route.source ||
          !model.find<model::CenAttachment>(vpn_route.vpn_gateway) || !chance(60))
        continue;
      add("p" + std::to_string(number++),
          model::CenRoute{{}, "c", vpn_route.vpn_gateway, vpn_route.destination});
    }
  }

  std::mt19937 rng_;
};

// ---- the independent answer

struct Host {
  const model::Instance* instance = nullptr;
  const model::IpsecConnection* office = nullptr;  // exactly one of the two
  net::Address address;
  std::string vpc;
};

class Declared {
 public:
  explicit Declared(const model::Model& model) : model_(model) {}

  std::vector<Host> hosts() const {
    std::vector<Host> hosts;
    for (const auto& [name, instance] : model_.all<model::Instance>()) {
      hosts.push_back({&instance, nullptr, instance.address,
                       model_.find<model::VSwitch>(instance.vswitch)->vpc});
    }
    for (const auto& [name, office] : model_.all<model::IpsecConnection>()) {
      for (uint32_t host :
           {10u, 200u}) {  // in the lower and the upper half: routes may cover one of them only
        hosts.push_back({nullptr, &office,
                         net::Address::v4(office.remote_subnets[0].address().v4() + host),
                         model_.find<model::VpnGateway>(office.vpn_gateway)->vpc});
      }
    }
    return hosts;
  }

  bool reaches(const Host& from, const Host& to, const Probe& probe) const {
    return can_travel(from, to) && can_travel(to, from) && is_allowed(from, to, probe);
  }

 private:
  bool can_travel(const Host& from, const Host& to) const {
    if (from.office != nullptr && from.office == to.office)
      return false;  // would turn round at the gateway
    if (from.office != nullptr && !holds(from.office->local_subnets, to.address)) return false;
    if (to.office != nullptr && !holds(to.office->local_subnets, from.address)) return false;
    if (from.vpc == to.vpc) {
      if (to.instance != nullptr || from.office != nullptr) return true;
      return is_routed(to, [&](const model::VpnRoute& route) {
        return route.is_published && (!route.source || route.source->contains(from.address));
      });
    }
    const auto *a = model_.find<model::CenAttachment>(from.vpc),
               *b = model_.find<model::CenAttachment>(to.vpc);
    if (a == nullptr || b == nullptr) return false;
    if (to.instance != nullptr) return true;
    return is_routed(to, [&](const model::VpnRoute& route) {
      const auto& published = model_.all<model::CenRoute>();
      return route.is_published && !route.source &&
             std::any_of(published.begin(), published.end(), [&](const auto& entry) {
               return entry.second.vpc == to.vpc && entry.second.destination == route.destination;
             });
    });
  }

  template <class Condition>
  bool is_routed(const Host& to, Condition&& condition) const {
    const auto& routes = model_.all<model::VpnRoute>();
    return std::any_of(routes.begin(), routes.end(), [&](const auto& entry) {
      return entry.second.ipsec_connection == to.office->meta.name &&
             entry.second.destination.contains(to.address) && condition(entry.second);
    });
  }

  static bool holds(const std::vector<net::Prefix>& prefixes, const net::Address& address) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](const auto& one) { return one.contains(address); });
  }

  bool is_allowed(const Host& from, const Host& to, const Probe& probe) const {
    return (from.instance == nullptr ||
            accepts(*from.instance, model::Direction::kEgress, to.address, probe)) &&
           (to.instance == nullptr ||
            accepts(*to.instance, model::Direction::kIngress, from.address, probe));
  }

  bool is_member(const std::string& group, const net::Address& address) const {
    const auto& instances = model_.all<model::Instance>();
    return std::any_of(instances.begin(), instances.end(), [&](const auto& entry) {
      const auto& groups = entry.second.security_groups;
      return entry.second.address == address &&
             std::find(groups.begin(), groups.end(), group) != groups.end();
    });
  }

  bool accepts(const model::Instance& at, model::Direction direction, const net::Address& peer,
               const Probe& probe) const {
    int best = 1000;
    bool is_accepted = direction == model::Direction::kEgress;
    for (const std::string& name : at.security_groups) {
      const auto& group = *model_.find<model::SecurityGroup>(name);
      if (group.is_inner_open && is_member(name, peer)) return true;
      for (const model::SecurityRule& rule : group.rules) {
        if (rule.direction != direction || !fits(rule, peer, probe)) continue;
        const bool is_drop = rule.action == model::RuleAction::kDrop;
        if (rule.priority < best || (rule.priority == best && is_drop)) {
          best = rule.priority;
          is_accepted = !is_drop;
        }
      }
    }
    return is_accepted;
  }

  bool fits(const model::SecurityRule& rule, const net::Address& peer, const Probe& probe) const {
    if (rule.protocol == model::RuleProtocol::kIcmp && probe.protocol != 1) return false;
    if (rule.protocol == model::RuleProtocol::kTcp &&
        (probe.protocol != 6 || probe.port < rule.ports.low || probe.port > rule.ports.high))
      return false;
    const auto* prefix_peer = std::get_if<net::Prefix>(&rule.peer);
    return prefix_peer != nullptr ? prefix_peer->contains(peer)
                                  : is_member(std::get<std::string>(rule.peer), peer);
  }

  const model::Model& model_;
};

// ---- the laws

TEST(Compiler, AgreesWithTheDeclaredResourcesOnWhoReachesWhom) {
  size_t pairs = 0, reachable = 0;
  for (uint32_t seed = 0; seed < 600; ++seed) {
    const RandomNetwork network(seed);
    for (const Error& error : model::validate(network.model))
      ADD_FAILURE() << seed << ": " << error.text();
    const auto states = compile(network.model);
    const Network network_of_it = make_network(network.model);
    const Declared declared(network.model);
    const auto hosts = declared.hosts();
    for (const Host& from : hosts) {
      for (const Host& to : hosts) {
        if (from.address == to.address) continue;
        for (const Probe& probe : {Probe{1, 0}, Probe{6, 80}, Probe{6, 22}}) {
          const Reachability walked = reach(states, from.address, to.address, probe);
          const Reachability asked = reach(network_of_it, from.address, to.address, probe);
          ASSERT_EQ(asked.is_reachable, walked.is_reachable) << asked.reason;
          ASSERT_EQ(walked.is_reachable, declared.reaches(from, to, probe))
              << "seed " << seed << ": " << from.address.text() << " to " << to.address.text()
              << " protocol " << int{probe.protocol} << " port " << probe.port << ": "
              << walked.reason;
          ++pairs;
          reachable += walked.is_reachable ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(reachable, pairs / 10);  // neither answer is the rare one
  EXPECT_LT(reachable, pairs * 9 / 10);
}

TEST(Compiler, IgnoresTheOrderInWhichResourcesCame) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    const RandomNetwork network(seed);
    model::Model shuffled;
    std::mt19937 rng(seed);
    std::apply(
        [&](const auto&... by_name) {
          const auto copy = [&](const auto& from) {
            std::vector<
                std::pair<std::string, typename std::remove_cvref_t<decltype(from)>::mapped_type>>
                all(from.begin(), from.end());
            std::shuffle(all.begin(), all.end(), rng);
            for (auto& [name, resource] : all)
              shuffled.all<std::remove_cvref_t<decltype(resource)>>()[name] = resource;
          };
          (copy(by_name), ...);
        },
        network.model.kinds);
    EXPECT_EQ(compile(shuffled), compile(network.model));
  }
}

TEST(Compiler, RowsReferOnlyToRowsOfTheSameNodeAndLinksHaveTwoEnds) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const RandomNetwork network(seed);
    const auto states = compile(network.model);
    for (const auto& [node, state] : states) {
      for (const auto& [id, port] : state.ports) {
        EXPECT_TRUE(state.vrfs.contains(port.vrf));
        for (const auto group : port.security_groups)
          EXPECT_TRUE(state.security_groups.contains(group));
      }
      for (const auto& [key, next_hop] : state.routes) {
        EXPECT_TRUE(state.vrfs.contains(key.vrf));
        if (const auto* to = std::get_if<nodestate::ToPort>(&next_hop)) {
          EXPECT_TRUE(state.ports.contains(to->port));
        }
        if (const auto* to = std::get_if<nodestate::ToTunnel>(&next_hop)) {
          EXPECT_TRUE(state.tunnels.contains(to->tunnel));
        }
      }
      for (const auto& [id, tunnel] : state.tunnels) {
        const auto* link = std::get_if<nodestate::LinkTunnel>(&tunnel.use);
        if (link == nullptr) continue;
        const auto& far = states.at(link->peer_node).tunnels;
        const nodestate::TunnelId back(nodestate::kLinkBit |
                                       network.model.find<model::Node>(node)->meta.number);
        ASSERT_TRUE(far.contains(back));
        EXPECT_EQ(far.at(back).ike.local, tunnel.ike.remote);
        EXPECT_EQ(far.at(back).ike.remote_id, tunnel.ike.local_id);
        EXPECT_TRUE(tunnel.ike.is_start_now);
      }
    }
  }
}

// RFC 2827 between nodes: what no route over there can send is not taken here.
TEST(Compiler, ALinkHasExactlyTheLabelsThatThePeerHasRoutesFor) {
  size_t labels = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const auto states = compile(RandomNetwork(seed).model);
    std::map<std::pair<std::string, std::string>, std::set<nodestate::Label>> sent;
    for (const auto& [node, state] : states) {
      for (const auto& [key, next_hop] : state.routes) {
        const auto* to = std::get_if<nodestate::ToTunnel>(&next_hop);
        if (to == nullptr || !to->label) continue;
        const auto& use = state.tunnels.at(to->tunnel).use;
        sent[{node, std::get<nodestate::LinkTunnel>(use).peer_node}].insert(*to->label);
      }
    }
    for (const auto& [node, state] : states) {
      for (const auto& [id, tunnel] : state.tunnels) {
        const auto* link = std::get_if<nodestate::LinkTunnel>(&tunnel.use);
        if (link == nullptr) continue;
        EXPECT_EQ(link->labels, (sent[{link->peer_node, node}]));
        labels += link->labels.size();
      }
    }
  }
  EXPECT_GT(labels, 100u);
}

TEST(Compiler, AddingAnOfficeTouchesNoOtherTunnelAndNoPort) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    RandomNetwork network(seed);
    if (network.model.all<model::VpnGateway>().empty()) continue;
    const auto before = compile(network.model);
    const std::string gateway = network.model.all<model::VpnGateway>().begin()->first;
    network.office("zz", gateway, "192.0.2.99", "10.200.0.0/24");
    network.route("zz", gateway, "10.200.0.0/24", "zz");
    for (const auto& [node, state] : compile(network.model)) {
      const nodestate::Delta delta = nodestate::diff(before.at(node), state);
      EXPECT_TRUE(delta.ports.empty() && delta.security_groups.empty() && delta.vrfs.empty());
      EXPECT_TRUE(delta.tunnels.removals.empty() && delta.routes.removals.empty());
      // Besides its own tunnel, an office can only bring links that were not needed before, or
      // labels for those there are.
      for (const auto& [id, tunnel] : delta.tunnels.upserts) {
        const auto old = before.at(node).tunnels.find(id);
        if (old == before.at(node).tunnels.end()) continue;
        ASSERT_TRUE(std::holds_alternative<nodestate::LinkTunnel>(tunnel.use));
        auto with_labels = old->second;
        std::get<nodestate::LinkTunnel>(with_labels.use).labels =
            std::get<nodestate::LinkTunnel>(tunnel.use).labels;
        EXPECT_EQ(with_labels, tunnel);
      }
      for (const auto& [key, next_hop] : delta.routes.upserts)
        EXPECT_EQ(key.destination.text(), "10.200.0.0/24");
    }
  }
}

TEST(Compiler, WithoutResourcesNodesHaveNothingToDo) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    RandomNetwork network(seed);
    model::Model bare;
    bare.all<model::Region>() = network.model.all<model::Region>();
    bare.all<model::Node>() = network.model.all<model::Node>();
    for (const auto& [node, state] : compile(bare)) {
      nodestate::NodeState empty;
      empty.node = node;
      EXPECT_EQ(state, empty);
    }
  }
}

TEST(Compiler, EveryActiveRouteIsExplainedAndEveryExplanationIsDone) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    const RandomNetwork network(seed);
    const auto states = compile(network.model);
    const Network made = make_network(network.model);
    for (const auto& [vpc, piece] : made.pieces.by_vpc) {
      const VpcSite& site = piece->site;
      for (const CandidateRoute& route : explain_routes(network.model, site.vpc->meta.name)) {
        EXPECT_FALSE(route.reason.empty());
        for (const model::Node* node : site.nodes) {
          const nodestate::RouteKey key{site.vrf, nodestate::TableKind::kVpc, route.destination,
                                        route.source};
          const bool leads_nowhere = route.origin == RouteOrigin::kCen &&
                                     made.pieces.find(route.next_hop.substr(4))->site.nodes.empty();
          if (leads_nowhere) continue;
          EXPECT_EQ(states.at(node->meta.name).routes.contains(key),
                    route.is_in_vpc && route.state == RouteState::kActive)
              << seed << " " << route.destination.text();
        }
      }
    }
  }
}

// ---- rebuild() gives what make_network() gives

// Random edits of a random network: each leads from one valid model to another.
class Editor {
 public:
  explicit Editor(uint32_t seed) : network_(seed), rng_(seed * 7919 + 1) {}

  const model::Model& model() const { return network_.model; }

  /// Changes one or several resources and returns which.
  std::vector<model::ResourceId> edit() {
    changed_.clear();
    const uint32_t count = 1 + below(3);
    for (uint32_t i = 0; i < count; ++i) {
      const model::Model standing = network_.model;
      const auto so_far = std::exchange(changed_, {});
      edit_one();
      const bool is_admitted = model::validate(network_.model, standing).empty();
      if (judge) judge(standing, network_.model, changed_, is_admitted);
      if (!is_admitted) {  // an edit that does not fit is none
        network_.model = standing;
        changed_.clear();
      }
      changed_.insert(changed_.end(), so_far.begin(), so_far.end());
    }
    return changed_;
  }

  /// Told of every attempt: before, after, what changed, and whether validate() admits it.
  std::function<void(const model::Model&, const model::Model&,
                     const std::vector<model::ResourceId>&, bool)>
      judge;

 private:
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(rng_() % bound); }
  bool chance(uint32_t percent) { return below(100) < percent; }

  template <class Resource>
  const Resource* any() {
    const auto& all = network_.model.all<Resource>();
    if (all.empty()) return nullptr;
    return &std::next(all.begin(),
                      static_cast<std::ptrdiff_t>(below(static_cast<uint32_t>(all.size()))))
                ->second;
  }
  template <class Resource>
  void put(const std::string& name, Resource resource) {
    network_.add(name, std::move(resource));
    changed_.push_back({model::kKindPosition<Resource>, name});
  }
  template <class Resource>
  void erase(const std::string& name) {
    network_.model.all<Resource>().erase(name);
    changed_.push_back({model::kKindPosition<Resource>, name});
  }
  template <class Resource, class Change>
  void change(Change&& change) {
    const Resource* standing = any<Resource>();
    if (standing == nullptr) return;
    Resource resource = *standing;
    change(resource);
    put(resource.meta.name, resource);
  }
  template <class Resource>
  void erase_any() {
    if (const Resource* standing = any<Resource>())
      erase<Resource>(std::string(standing->meta.name));
  }

  void edit_one() {
    const std::string fresh = "e" + std::to_string(++made_);
    switch (below(29)) {
      case 0:
        return change<model::VpnRoute>(
            [&](auto& route) { route.is_published = !route.is_published; });
      case 1:
        return erase_any<model::VpnRoute>();
      case 2:
        return erase_any<model::CenRoute>();
      case 3:
        return erase_any<model::CenAttachment>();
      case 4:
        return change<model::Instance>([&](auto& instance) {
          instance.address = net::Address::v4(instance.address.v4() + 1 + below(20));
        });
      case 5:
        return change<model::Instance>([&](auto& instance) {
          if (const auto* node = any<model::Node>()) instance.node = node->meta.name;
        });
      case 6:
        return erase_any<model::Instance>();
      case 7:
        if (const auto* vpc = any<model::Vpc>())
          put(vpc->meta.name, model::CenAttachment{{}, "c", vpc->meta.name});
        return;
      case 8:
        if (const auto* route = any<model::VpnRoute>())
          put(fresh, model::CenRoute{{}, "c", route->vpn_gateway, route->destination});
        return;
      case 9:
        return change<model::IpsecConnection>(
            [&](auto& connection) { connection.ike.psk = fresh; });
      case 10:
        return change<model::CustomerGateway>(
            [&](auto& office) { office.address = net::Address::v4(0xc6120000 + made_); });
      case 11: {
        const auto* gateway = any<model::VpnGateway>();
        if (gateway == nullptr) return;
        const std::string name = gateway->meta.name;
        put(fresh, model::CustomerGateway{{}, net::Address::v4(0xc6130000 + made_)});
        model::IpsecConnection connection;
        connection.vpn_gateway = name;
        connection.customer_gateway = fresh;
        connection.local_subnets = {cidr("0.0.0.0/0")};
        connection.remote_subnets = {prefix(0x0ac80000 + (made_ << 8), 24)};
        connection.ike.psk = fresh;
        put(fresh, connection);
        put(fresh, model::VpnRoute{
                       {}, name, connection.remote_subnets[0], std::nullopt, fresh, chance(80)});
        if (chance(70)) put(fresh, model::CenRoute{{}, "c", name, connection.remote_subnets[0]});
        return;
      }
      case 12:
        return change<model::SecurityGroup>([&](auto& group) {
          group.is_inner_open = !group.is_inner_open;
          if (!group.rules.empty()) group.rules.pop_back();
        });
      case 13:
        return change<model::Region>([&](auto& region) { region.meta.description = fresh; });
      case 14:
        return change<model::Node>([&](auto& node) { node.meta.description = fresh; });
      case 15:
        return change<model::Node>([&](auto& node) {
          node.public_address = net::Address::v4(0xcb007200 + (made_ & 0xff));
        });
      case 16:
        return change<model::VpnGateway>([&](auto& gateway) {
          if (const auto* node = any<model::Node>()) gateway.node = node->meta.name;
          if (const auto* vpc = any<model::Vpc>(); chance(50)) gateway.vpc = vpc->meta.name;
        });
      case 17:
        if (const auto* vswitch = any<model::VSwitch>()) {
          const auto* node = any<model::Node>();
          const auto* group = any<model::SecurityGroup>();
          if (node == nullptr || group == nullptr) return;
          put(fresh,
              model::Instance{{},
                              vswitch->meta.name,
                              net::Address::v4(vswitch->cidr.address().v4() + 40 + below(100)),
                              {group->meta.name},
                              node->meta.name,
                              {}});
        }
        return;
      case 18:
        if (const auto* vpc = any<model::Vpc>())
          put(fresh,
              model::VSwitch{
                  {},
                  vpc->meta.name,
                  prefix(vpc->cidr_blocks[0].address().v4() + 0x8000 + (below(64) << 8), 24)});
        return;
      case 19:
        return erase_any<model::VSwitch>();
      case 20:
        if (const auto* region = any<model::Region>())
          put(fresh,
              model::Node{{}, region->meta.name, net::Address::v4(0xcb007300 + (made_ & 0xff))});
        return;
      case 21:
        return erase_any<model::Node>();
      // What two of a kind may not share, and what leaves others without what they stand on.
      case 22:
        return change<model::CustomerGateway>([&](auto& office) {
          const auto* other = any<model::CustomerGateway>();
          const auto* node = any<model::Node>();
          office.address = chance(70) || node == nullptr ? other->address : node->public_address;
        });
      case 23:
        return change<model::IpsecConnection>([&](auto& connection) {
          const auto* other = any<model::CustomerGateway>();
          connection.ike.remote_id = chance(30)   ? other->address.text()
                                     : chance(50) ? "same.example"
                                                  : "";
        });
      case 24:
        return change<model::IpsecConnection>([&](auto& connection) {
          const auto* other = any<model::IpsecConnection>();
          connection.remote_subnets = {chance(20)   ? cidr("0.0.0.0/0")
                                       : chance(30) ? prefix(0x0a000000 + (below(40) << 16), 15)
                                                    : other->remote_subnets[0]};
          if (chance(20)) connection.customer_gateway = other->customer_gateway;
          if (chance(20)) connection.vpn_gateway = other->vpn_gateway;
        });
      case 25:
        return change<model::VpnRoute>([&](auto& route) {
          const auto* other = any<model::VpnRoute>();
          if (chance(50)) route.destination = other->destination;
          if (chance(30)) route.ipsec_connection = other->ipsec_connection;
          if (chance(30)) route.source = cidr("172.16.0.0/16");
        });
      case 26:
        return change<model::Instance>([&](auto& instance) {
          const auto* other = any<model::Instance>();
          if (chance(50)) instance.address = other->address;
          if (chance(50)) instance.netns = "same";
          if (chance(20)) instance.vswitch = other->vswitch;
        });
      case 27:
        return chance(50)   ? erase_any<model::IpsecConnection>()
               : chance(50) ? erase_any<model::CustomerGateway>()
                            : erase_any<model::SecurityGroup>();
      case 28:
        return rename_any((chance(50) ? "a-" : "z-") + fresh);
    }
  }

  // As Controller::rename() does it: another name, the same number, and what names it follows.
  void rename_any(const std::string& to) {
    const auto all = model::list(network_.model);
    model::AnyResource renamed = all[below(static_cast<uint32_t>(all.size()))];
    const std::string kind(model::kind_of(renamed)), from = model::meta_of(renamed).name;
    if (kind == model::Node::kKind) return;  // its name is in its certificates
    const model::ResourceId id{model::position_of(kind), from};
    const model::Users users(network_.model);
    model::erase(network_.model, kind, from);
    changed_.push_back(id);
    model::meta_of(renamed).name = to;
    const auto follow = [&](model::AnyResource resource) {
      model::rename_references(resource, kind, from, to);
      changed_.push_back(
          {model::position_of(model::kind_of(resource)), model::meta_of(resource).name});
      model::upsert(network_.model, std::move(resource));
    };
    follow(std::move(renamed));
    users.for_each_id(id, [&](const model::ResourceId& user) {
      if (user != id)
        follow(*model::find(network_.model, std::string(model::kind_of(user)), user.name));
    });
  }

  RandomNetwork network_;
  std::mt19937 rng_;
  uint32_t made_ = 0;
  std::vector<model::ResourceId> changed_;
};

TEST(Admission, SeesInWhatAChangeTouchesWhatItSeesInTheWhole) {
  size_t admitted = 0, refused = 0, admitted_by_part = 0;
  for (uint32_t seed = 0; seed < 150; ++seed) {
    Editor editor(1000 + seed);
    editor.judge = [&](const model::Model& before, const model::Model& after,
                       const std::vector<model::ResourceId>& changed, bool is_admitted) {
      const model::Users users(before);
      const model::Claims claims(before);
      const auto part = model::touched_by(before, users, claims, after, changed);
      const bool is_part_good = part && model::validate(*part).empty();
      ASSERT_TRUE(is_admitted || !is_part_good)
          << seed << ": " << model::validate(after, before).front().text();
      EXPECT_EQ(model::validate_change(before, users, claims, after, changed),
                model::validate(after, before));
      ++(is_admitted ? admitted : refused);
      admitted_by_part += part && is_part_good ? 1 : 0;
    };
    for (int i = 0; i < 30; ++i) editor.edit();
  }
  EXPECT_GT(refused, admitted / 10);          // neither is the rare one
  EXPECT_GT(admitted_by_part, admitted / 2);  // else the whole was looked at each time
}

TEST(Network, IsRebuiltToWhatCompilingTheWholeGives) {
  size_t rebuilt_in_part = 0;
  for (uint32_t seed = 0; seed < 150; ++seed) {
    Editor editor(seed);
    Network network = make_network(editor.model(), 1);
    for (uint64_t generation = 2; generation < 30; ++generation) {
      const auto changed = editor.edit();
      if (changed.empty()) continue;
      const Rebuilt rebuilt = rebuild(network, editor.model(), changed, generation);
      const Network whole = make_network(editor.model(), generation);
      ASSERT_EQ(rebuilt.network.users, whole.users) << seed << " " << generation;
      ASSERT_EQ(rebuilt.network.claims, whole.claims) << seed << " " << generation;
      ASSERT_EQ(rebuilt.network.links, whole.links) << seed << " " << generation;
      ASSERT_EQ(rebuilt.network.states.size(), whole.states.size());
      for (const auto& [node, state] : whole.states) {
        const auto& made = rebuilt.network.states.at(node);
        const auto standing = network.states.find(node);
        const auto delta = nodestate::diff(*made, *state);
        ASSERT_TRUE(delta.empty())
            << seed << " " << generation << " " << node << ": " << delta.routes.upserts.size()
            << " routes more, " << delta.routes.removals.size() << " less, "
            << delta.tunnels.upserts.size() << " tunnels";
        // The delta that is told leads there, and what is the same is the same object.
        if (standing == network.states.end() || made == standing->second) continue;
        EXPECT_EQ(made->generation, generation);
        const auto told = nodestate::apply(*standing->second, rebuilt.deltas.at(node));
        ASSERT_TRUE(told.ok());
        EXPECT_EQ(*told, *made);
        EXPECT_FALSE(rebuilt.deltas.at(node).empty());
      }
      for (const auto& [vpc, piece] : whole.pieces.by_vpc)
        ASSERT_EQ(explain_routes(rebuilt.network, vpc), explain_routes(whole, vpc));
      for (const auto& [vpc, piece] : network.pieces.by_vpc)
        rebuilt_in_part += rebuilt.network.pieces.find(vpc) == piece.get() ? 1 : 0;
      network = rebuilt.network;
    }
  }
  EXPECT_GT(rebuilt_in_part, 1000u);  // else it was compiled whole each time
}

}  // namespace
}  // namespace farspan::compiler
