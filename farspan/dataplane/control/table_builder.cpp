// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/table_builder.h"

#include <algorithm>
#include <set>

#include "farspan/dataplane/control/check_intent.h"
#include "farspan/dataplane/control/intent.h"
#include "farspan/dataplane/control/read_batch.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {

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
  draft_.version = TablesVersion(draft_.version.value() + 1);
  return std::make_unique<const Tables>(draft_);
}

// Writes what the batch changed into the draft, and accepts the batch.
void TableBuilder::compile() {
  compile_vrfs();
  compile_tunnels();
  compile_ports();
  std::vector<std::pair<VrfIndex, std::pair<VrfId, TableKind>>> tables;
  for (const RouteChange& route : intent_->routes) {
    const std::pair owner(route.vrf, route.kind);
    if (!tables.empty() && tables.back().second == owner) continue;
    const VrfRow* vrf = intent_->vrfs.find(route.vrf);
    const uint32_t index =
        vrf != nullptr ? vrf->index : intent_->vrfs.before().at(route.vrf)->index;
    tables.emplace_back(VrfIndex(index), owner);
  }
  intent_->commit();
  compile_routes(tables);
}

void TableBuilder::compile_vrfs() {
  for (const auto& [id, before] : intent_->vrfs.before()) {
    if (!before) continue;
    draft_.vrf_by_label.erase(before->label);
    if (intent_->vrfs.find(id) == nullptr) draft_.vrfs.write(before->index) = {};
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
    if (row == nullptr && before) {
      draft_.tunnels.write(before->index) = {};
      draft_.tunnel_by_id.erase(id.value());
    }
    if (row == nullptr || before == *row) continue;
    const VrfIndex vrf(row->is_link ? 0 : intent_->vrfs.find(row->vrf)->index);
    draft_.tunnels.write(row->index) = {false,         id,        row->is_link, vrf, row->remote,
                                        row->counters, row->path, row->bounds};
    if (!before) draft_.tunnel_by_id.insert(id.value(), TunnelIndex(row->index));
  }
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
    if (row == nullptr && before) draft_.ports.write(before->index) = {};
    if (row != nullptr && before != *row) changed.insert(id);
  }
  for (const PortId id : changed) compile_port(id);
}

void TableBuilder::compile_port(PortId id) {
  const PortRow& row = *intent_->ports.find(id);
  PortEntry& port = draft_.ports.write(row.index);
  port.is_vacant = false;
  port.id = id;
  port.vrf = VrfIndex(intent_->vrfs.find(row.vrf)->index);
  port.address = row.address;
  port.mac = row.mac;
  port.mtu = row.mtu;
  port.rules = rule_set_of(row.groups);
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

void TableBuilder::compile_routes(
    const std::vector<std::pair<VrfIndex, std::pair<VrfId, TableKind>>>& tables) {
  for (const auto& [index, owner] : tables) {
    const auto table = intent_->tables.find(owner);
    draft_.fib.set(index, owner.second,
                   table == intent_->tables.end() ? nullptr : table->second.publish());
  }
}

}  // namespace farspan::dataplane
