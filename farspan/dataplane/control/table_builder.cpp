// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/table_builder.h"

#include "farspan/dataplane/control/check_intent.h"
#include "farspan/dataplane/control/intent.h"
#include "farspan/dataplane/control/read_batch.h"

namespace farspan::dataplane {
namespace {

// Gives every new row the place it had in `before` (it was replaced within one batch, and compiled
// tables point there) or the lowest vacant one.
template <class Rows>
void place(Rows& rows, const Rows& before) {
  std::vector<bool> is_taken;
  for (auto& [id, row] : rows) {
    const auto old = before.find(id);
    if (row.index == kNoIndex && old != before.end()) row.index = old->second.index;
    if (row.index == kNoIndex) continue;
    if (row.index >= is_taken.size()) is_taken.resize(row.index + 1);
    is_taken[row.index] = true;
  }
  uint32_t next = 0;
  for (auto& [id, row] : rows) {
    if (row.index != kNoIndex) continue;
    while (next < is_taken.size() && is_taken[next]) ++next;
    row.index = next++;
  }
}

Adjacency resolve(const Intent& intent, const RouteTarget& target) {
  switch (target.kind) {
    case AdjacencyKind::kPort:
      return Adjacency::to_port(PortIndex(intent.ports.at(PortId(target.id)).index));
    case AdjacencyKind::kTunnel:
      return Adjacency::to_tunnel(TunnelIndex(intent.tunnels.at(TunnelId(target.id)).index),
                                  target.label);
    case AdjacencyKind::kRouter:
      return Adjacency::to_router();
    case AdjacencyKind::kUnreachable:
      return Adjacency::unreachable();
    case AdjacencyKind::kNone:
      break;
  }
  return Adjacency::none();
}

std::shared_ptr<const FibTable> compile_table(const Intent& intent, const RouteTable& table) {
  std::vector<FibRoute> routes;
  routes.reserve(table.routes.size());
  for (const auto& [key, target] : table.routes) {
    routes.push_back({key.destination, key.source, resolve(intent, target)});
  }
  return std::make_shared<const FibTable>(FibTable::build(routes));
}

std::shared_ptr<const RuleSet> rule_set_of(Intent& intent, const std::vector<uint32_t>& groups) {
  std::shared_ptr<const RuleSet>& rule_set = intent.rule_sets[groups];
  if (rule_set) return rule_set;
  std::vector<Rule> ingress, egress;
  for (const uint32_t id : groups) {
    const GroupRow& group = intent.groups.at(id);
    ingress.insert(ingress.end(), group.ingress.begin(), group.ingress.end());
    egress.insert(egress.end(), group.egress.begin(), group.egress.end());
  }
  rule_set = std::make_shared<const RuleSet>(RuleSet::compile(ingress, egress));
  return rule_set;
}

void compile_vrfs(const Intent& intent, Tables& tables) {
  for (const auto& [id, row] : intent.vrfs) {
    if (row.index >= tables.vrfs.size()) tables.vrfs.resize(row.index + 1);
    tables.vrfs[row.index] = {false, id, row.router, row.label, row.domain};
    tables.vrf_by_label.emplace(row.label, VrfIndex(row.index));
  }
}

void compile_tunnels(const Intent& intent, Tables& tables) {
  for (const auto& [id, row] : intent.tunnels) {
    if (row.index >= tables.tunnels.size()) tables.tunnels.resize(row.index + 1);
    const VrfIndex vrf(row.is_link ? 0 : intent.vrfs.at(row.vrf).index);
    tables.tunnels[row.index] = {false, id, row.is_link, vrf, row.remote, row.counters};
    tables.tunnel_by_id.emplace(id, TunnelIndex(row.index));
  }
}

void compile_ports(Intent& intent, Tables& tables) {
  for (const auto& [id, row] : intent.ports) {
    if (row.index >= tables.ports.size()) tables.ports.resize(row.index + 1);
    PortEntry& port = tables.ports[row.index];
    port.is_vacant = false;
    port.id = id;
    port.vrf = VrfIndex(intent.vrfs.at(row.vrf).index);
    port.address = row.address;
    port.gateway = row.gateway;
    port.subnet = row.subnet;
    port.mac = row.mac;
    port.mtu = row.mtu;
    port.rules = rule_set_of(intent, row.groups);
    port.counters = row.counters;
    port.tap = row.tap;
  }
}

void compile_routes(const Intent& intent, Tables& tables) {
  for (const auto& [owner, table] : intent.tables) {
    if (!table->compiled) table->compiled = compile_table(intent, *table);
    const auto& [vrf, kind] = owner;
    tables.fib.set(VrfIndex(intent.vrfs.at(vrf).index), kind, table->compiled);
  }
}

}  // namespace

TableBuilder::TableBuilder() : intent_(std::make_unique<Intent>()) {}
TableBuilder::~TableBuilder() = default;

std::unique_ptr<const Tables> TableBuilder::first() {
  FS_CHECK(version_ == 0);
  return compile();
}

Result<std::unique_ptr<const Tables>> TableBuilder::apply(const v1::TablesBatch& batch,
                                                          std::vector<UniqueFd> fds) {
  auto next = std::make_unique<Intent>(*intent_);
  if (Status status = read_batch(batch, std::move(fds), *next); !status) return status.error();
  if (Status status = check_intent(*next); !status) return status.error();
  place(next->vrfs, intent_->vrfs);
  place(next->ports, intent_->ports);
  place(next->tunnels, intent_->tunnels);
  intent_ = std::move(next);
  return compile();
}

std::unique_ptr<const Tables> TableBuilder::drop_tap(PortId id, const UniqueFd* device) {
  const auto port = intent_->ports.find(id);
  if (port == intent_->ports.end() || !port->second.tap) return nullptr;
  if (port->second.tap.get() != device) return nullptr;
  port->second.tap = nullptr;
  return compile();
}

std::unique_ptr<const Tables> TableBuilder::compile() {
  auto tables = std::make_unique<Tables>();
  tables->version = TablesVersion(++version_);
  tables->generation = intent_->generation;
  compile_vrfs(*intent_, *tables);
  compile_tunnels(*intent_, *tables);
  compile_ports(*intent_, *tables);
  compile_routes(*intent_, *tables);
  return tables;
}

}  // namespace farspan::dataplane
