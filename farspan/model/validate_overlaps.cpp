// SPDX-License-Identifier: Apache-2.0
// Overlaps: no two networks that could ever talk share an address.
//
// Networks that could talk form islands: a Vpc and the offices of its gateway, and all of these
// together for the Vpcs of one Cen, whether their routes are published yet or not (publishing must
// never be what breaks). In an island the prefixes are sorted by first address and then shortest
// first. Two prefixes overlap only when one holds the other, so one pass with a stack of the
// prefixes around the current one finds every overlap:
//
//   10.0.0.0/8 ──┬── 10.10.0.0/16 ──── 10.10.10.0/24      O(n log n) for 10,000 offices
//                └── 10.20.0.0/16
#include <map>

#include "farspan/model/faults.h"

namespace farspan::model {
namespace {

struct Network {
  net::Prefix prefix;
  Owner owner;
  std::string field;
  std::string vpc;
  // The networks of one office may lie in each other, whichever way leads there; empty: of no
  // office.
  std::string office;
  // Routes of one gateway may lie in each other, too: the source and then the longer prefix say
  // which one counts (docs/spec/routes.md). Empty: not declared as a route.
  std::string gateway;
  bool has_source = false;
};

// Is it said which of the two counts?
bool is_preference_declared(const Network& a, const Network& b) {
  if (!a.office.empty() && a.office == b.office) return true;
  if (a.vpc != b.vpc || a.office.empty() || b.office.empty()) return false;
  return a.has_source || b.has_source || (!a.gateway.empty() && a.gateway == b.gateway);
}

using Island = std::vector<Network>;

// Of two different resources what changed, else the newer one: what stood before was admitted.
bool is_to_blame(const Owner& owner, const Owner& other, const Faults& faults) {
  if (owner == other) return true;
  const bool is_changed = faults.is_changed(owner), is_other_changed = faults.is_changed(other);
  return is_changed != is_other_changed ? is_changed : owner.is_newer_than(other);
}

// `newer` is blamed.
void report(const Network& newer, const Network& older, const std::string& cen, Faults& faults) {
  if (newer.owner == older.owner) {
    faults.add(newer.owner, newer.field,
               newer.prefix.text() + " overlaps " + older.prefix.text() + " of its own",
               "leave one of them out");
    return;
  }
  std::string where;
  if (older.owner.kind != std::string_view(Vpc::kKind)) where = " in Vpc " + older.vpc;
  if (newer.vpc != older.vpc) where += ", which Cen " + cen + " joins to Vpc " + newer.vpc;
  faults.add(newer.owner, newer.field,
             newer.prefix.text() + " overlaps " + older.owner.label() + " (" + older.prefix.text() +
                 ")" + where,
             "choose a prefix that nothing else uses");
}

void check_island(Island networks, const std::string& cen, Faults& faults) {
  std::sort(networks.begin(), networks.end(), [](const Network& a, const Network& b) {
    if (a.prefix != b.prefix) {
      return std::pair(a.prefix.address(), a.prefix.length()) <
             std::pair(b.prefix.address(), b.prefix.length());
    }
    return b.owner.is_newer_than(a.owner);
  });
  std::vector<const Network*> around;
  for (const Network& network : networks) {
    while (!around.empty() && !around.back()->prefix.contains(network.prefix)) around.pop_back();
    const auto undecided = std::find_if(around.rbegin(), around.rend(), [&](const Network* other) {
      return !is_preference_declared(network, *other);
    });
    if (undecided != around.rend()) {
      const Network& other = **undecided;
      is_to_blame(network.owner, other.owner, faults) ? report(network, other, cen, faults)
                                                      : report(other, network, cen, faults);
    }
    around.push_back(&network);
  }
}

// What lies behind a connection: its remote subnets, or in destination routing mode (0.0.0.0/0)
// what is routed there.
void add_connection(const IpsecConnection& connection, const std::string& vpc, Island& island) {
  for (const net::Prefix& subnet : connection.remote_subnets) {
    if (subnet.is_default() || subnet.family() != net::Family::kIpv4) continue;
    island.push_back({subnet,
                      Owner::of(connection),
                      "remote_subnets",
                      vpc,
                      connection.customer_gateway,
                      {},
                      false});
  }
}

bool is_destination_mode(const IpsecConnection& connection) {
  return std::any_of(connection.remote_subnets.begin(), connection.remote_subnets.end(),
                     [](const net::Prefix& subnet) { return subnet.is_default(); });
}

std::map<std::string, Island> islands_by_vpc(const Model& model) {
  std::map<std::string, Island> by_vpc;
  for (const auto& [name, vpc] : model.all<Vpc>()) {
    for (const net::Prefix& block : vpc.cidr_blocks)
      by_vpc[name].push_back({block, Owner::of(vpc), "cidr_blocks", name, {}, {}, false});
  }
  const auto vpc_of = [&](const std::string& gateway) {
    const VpnGateway* found = model.find<VpnGateway>(gateway);
    return found != nullptr ? found->vpc : std::string();
  };
  for (const auto& [name, connection] : model.all<IpsecConnection>()) {
    const std::string vpc = vpc_of(connection.vpn_gateway);
    if (!vpc.empty()) add_connection(connection, vpc, by_vpc[vpc]);
  }
  for (const auto& [name, route] : model.all<VpnRoute>()) {
    const IpsecConnection* connection = model.find<IpsecConnection>(route.ipsec_connection);
    const std::string vpc = vpc_of(route.vpn_gateway);
    if (connection == nullptr || vpc.empty() || !is_destination_mode(*connection) ||
        route.destination.is_default())
      continue;
    by_vpc[vpc].push_back({route.destination, Owner::of(route), "destination", vpc,
                           connection->customer_gateway, route.vpn_gateway,
                           route.source.has_value()});
  }
  return by_vpc;
}

void check_vswitches(const Model& model, Faults& faults) {
  std::map<std::string, Island> by_vpc;
  for (const auto& [name, vswitch] : model.all<VSwitch>()) {
    by_vpc[vswitch.vpc].push_back(
        {vswitch.cidr, Owner::of(vswitch), "cidr", vswitch.vpc, {}, {}, false});
  }
  for (const auto& [vpc, island] : by_vpc) check_island(island, {}, faults);
}

}  // namespace

void check_overlaps(const Model& model, Faults& faults) {
  check_vswitches(model, faults);

  std::map<std::string, Island> by_vpc = islands_by_vpc(model);
  std::map<std::string, Island> by_cen;
  for (const auto& [name, attachment] : model.all<CenAttachment>()) {
    auto island = by_vpc.extract(attachment.vpc);
    if (!island) continue;
    auto& joined = by_cen[attachment.cen];
    joined.insert(joined.end(), island.mapped().begin(), island.mapped().end());
  }
  for (const auto& [vpc, island] : by_vpc) check_island(island, {}, faults);
  for (const auto& [cen, island] : by_cen) check_island(island, cen, faults);
}

}  // namespace farspan::model
