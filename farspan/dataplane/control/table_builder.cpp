// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/table_builder.h"

#include <algorithm>
#include <set>

#include "farspan/dataplane/control/check_intent.h"
#include "farspan/dataplane/control/intent.h"
#include "farspan/dataplane/control/read_batch.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {
namespace {

// More changes of one table are logged as one, of a prefix that covers them.
constexpr size_t kLoggedRoutes = 8;

Prefix4 covering(const std::vector<Prefix4>& prefixes) {
  Prefix4 all = prefixes.front();
  for (const Prefix4& prefix : prefixes) {
    all.length = std::min(all.length, prefix.length);
    while (!all.contains(prefix.address)) --all.length;
  }
  all.address &= Prefix4::mask(all.length);
  return all;
}

template <class Entry>
void vacate(Entry& place, TablesVersion version) {
  place = {};
  place.judged_anew = version;
}

}  // namespace

TableBuilder::TableBuilder() : intent_(std::make_unique<Intent>()) {}
TableBuilder::~TableBuilder() = default;

std::unique_ptr<const Tables> TableBuilder::first() {
  FS_CHECK(draft_.version == TablesVersion(0));
  return publish();
}

Result<std::unique_ptr<const Tables>> TableBuilder::apply(const v1::TablesBatch& batch,
                                                          std::vector<UniqueFd> fds) {
  if (Status status = read_batch(batch, std::move(fds), *intent_); !status) {
    intent_->undo(false);
    return status.error();
  }
  intent_->count_batch();
  if (Status status = check_intent(*intent_); !status) {
    intent_->undo(true);
    return status.error();
  }
  compile();
  draft_.generation = batch.generation();
  return publish();
}

std::unique_ptr<const Tables> TableBuilder::drop_tap(PortId id, const UniqueFd* device) {
  const PortRow* port = intent_->ports.find(id);
  if (port == nullptr || !port->tap || port->tap.get() != device) return nullptr;
  intent_->ports.write(id).tap = nullptr;
  compile();
  return publish();
}

std::unique_ptr<const Tables> TableBuilder::publish() {
  draft_.version = next_version();
  return std::make_unique<const Tables>(draft_);
}

// Writes what the batch changed into the draft, and accepts the batch.
void TableBuilder::compile() {
  compile_vrfs();
  compile_tunnels();
  compile_ports();
  const std::vector<ChangedTable> tables = changed_tables();
  for (const ChangedTable& table : tables) {
    const FlowDomain domain = row_or_before(table.owner.first).domain;
    for (const Prefix4& prefix : table.prefixes)
      draft_.changes.route(next_version(), table.vrf, domain, prefix);
  }
  intent_->commit();
  for (const auto& [vrf, owner, prefixes] : tables) {
    const auto table = intent_->tables.find(owner);
    draft_.fib.set(vrf, owner.second,
                   table == intent_->tables.end() ? nullptr : table->second.publish());
  }
}

// The VRF of a route that the batch changed; it may have gone with the route.
const VrfRow& TableBuilder::row_or_before(VrfId id) const {
  const VrfRow* row = intent_->vrfs.find(id);
  return row != nullptr ? *row : *intent_->vrfs.before().at(id);
}

std::vector<TableBuilder::ChangedTable> TableBuilder::changed_tables() const {
  std::vector<ChangedTable> tables;
  for (const RouteChange& route : intent_->routes) {
    const std::pair owner(route.vrf, route.kind);
    if (tables.empty() || tables.back().owner != owner)
      tables.push_back({VrfIndex(row_or_before(route.vrf).index), owner, {}});
    std::vector<Prefix4>& prefixes = tables.back().prefixes;
    prefixes.push_back(route.key.destination);
    if (prefixes.size() > kLoggedRoutes) prefixes = {covering(prefixes)};
  }
  return tables;
}

void TableBuilder::compile_vrfs() {
  for (const auto& [id, before] : intent_->vrfs.before()) {
    if (!before) continue;
    draft_.vrf_by_label.erase(before->label);
    const VrfRow* row = intent_->vrfs.find(id);
    if (row == nullptr) draft_.vrfs.write(before->index) = {};
    // Which VRF packets of a link belong to is no part of what is remembered about a flow.
    if (row != nullptr && row->label == before->label && row->domain == before->domain) continue;
    const VrfIndex vrf(before->index);
    draft_.changes.route(next_version(), vrf, before->domain, {});
    if (row != nullptr) draft_.changes.route(next_version(), vrf, row->domain, {});
  }
  for (const auto& [id, before] : intent_->vrfs.before()) {
    const VrfRow* row = intent_->vrfs.find(id);
    if (row == nullptr) continue;
    draft_.vrf_by_label.insert(row->label, VrfIndex(row->index));
    if (before != *row)
      draft_.vrfs.write(row->index) = {false, id, row->router, row->label, row->domain};
  }
}

void TableBuilder::compile_tunnels() {
  for (const auto& [id, before] : intent_->tunnels.before()) {
    const TunnelRow* row = intent_->tunnels.find(id);
    if (before) compile_peer(before->remote);
    if (row != nullptr) compile_peer(row->remote);
    if (row == nullptr && before) {
      vacate(draft_.tunnels.write(before->index), next_version());
      draft_.tunnel_by_id.erase(id.value());
    }
    if (row == nullptr || before == *row) continue;
    if (before && before->mtu != row->mtu) ++draft_.changed_mtus;
    const VrfIndex vrf(row->is_link ? 0 : intent_->vrfs.find(row->vrf)->index);
    draft_.tunnels.write(row->index) = {.is_vacant = false,
                                        .judged_anew = next_version(),
                                        .id = id,
                                        .is_link = row->is_link,
                                        .vrf = vrf,
                                        .counters = row->counters,
                                        .path = row->path,
                                        .bounds = row->bounds,
                                        .mtu = row->mtu};
    if (!before) draft_.tunnel_by_id.insert(id.value(), TunnelIndex(row->index));
  }
}

void TableBuilder::compile_peer(uint32_t remote) {
  const bool is_declared = intent_->references.of_remote(remote) > 0;
  if (is_declared == draft_.is_declared_peer(remote)) return;
  is_declared ? draft_.declared_peers.insert(remote, true) : draft_.declared_peers.erase(remote);
}

void TableBuilder::compile_ports() {
  std::set<PortId> changed;
  for (const auto& [id, before] : intent_->groups.before()) {
    const GroupRow* row = intent_->groups.find(id);
    if (row != nullptr && before == *row) continue;
    std::erase_if(rule_sets_, [&id = id](const auto& rule_set) {
      return std::binary_search(rule_set.first.begin(), rule_set.first.end(), id);
    });
    const auto& ports = intent_->references.ports_of_group(id);
    changed.insert(ports.begin(), ports.end());
  }
  for (const auto& [id, before] : intent_->ports.before()) {
    const PortRow* row = intent_->ports.find(id);
    if (row == nullptr && before) vacate(draft_.ports.write(before->index), next_version());
    if (row != nullptr && before != *row) changed.insert(id);
  }
  for (const PortId id : changed) compile_port(id);
}

void TableBuilder::compile_port(PortId id) {
  const PortRow& row = *intent_->ports.find(id);
  PortEntry& port = draft_.ports.write(row.index);
  const VrfIndex vrf(intent_->vrfs.find(row.vrf)->index);
  auto rules = rule_set_of(row.groups);
  if (port.is_vacant || port.id != id || port.vrf != vrf || port.rules != rules)
    port.judged_anew = next_version();
  port.is_vacant = false;
  port.id = id;
  port.vrf = vrf;
  port.address = row.address;
  port.mac = row.mac;
  port.mtu = row.mtu;
  port.rules = std::move(rules);
  port.counters = row.counters;
  port.tap = row.tap;
}

std::shared_ptr<const RuleSet> TableBuilder::rule_set_of(const Groups& groups) {
  if (const auto known = rule_sets_.find(groups); known != rule_sets_.end()) {
    if (auto rule_set = known->second.lock()) return rule_set;
  }
  std::vector<Rule> ingress, egress;
  for (const uint32_t id : groups) {
    const GroupRow& group = *intent_->groups.find(id);
    ingress.insert(ingress.end(), group.ingress.begin(), group.ingress.end());
    egress.insert(egress.end(), group.egress.begin(), group.egress.end());
  }
  auto rule_set = std::make_shared<const RuleSet>(RuleSet::compile(ingress, egress));
  if (rule_sets_.size() >= forget_at_) {
    std::erase_if(rule_sets_, [](const auto& known) { return known.second.expired(); });
    forget_at_ = 2 * rule_sets_.size() + 64;
  }
  rule_sets_[groups] = rule_set;
  return rule_set;
}

}  // namespace farspan::dataplane
