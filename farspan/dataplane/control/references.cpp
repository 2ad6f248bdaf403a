// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/references.h"

#include "farspan/dataplane/control/intent.h"

namespace farspan::dataplane {
namespace {

template <class Set, class Key>
void mark(Set& set, const Key& key, References::Way way) {
  if (way == References::Way::kCount) {
    set.insert(key);
  } else {
    set.erase(key);
  }
}

void count(uint32_t& counter, References::Way way) {
  if (way == References::Way::kCount) {
    ++counter;
  } else {
    --counter;
  }
}

RouteCounts at(const std::vector<RouteCounts>& counts, uint32_t index) {
  return index < counts.size() ? counts[index] : RouteCounts{};
}

}  // namespace

void References::vrf(VrfId id, const VrfRow& row, Way way) {
  mark(labels_, std::pair(row.label, id), way);
}

void References::name_vrf(VrfId vrf, Way way) {
  uint32_t& rows = of_vrf_[vrf];
  count(rows, way);
  if (rows == 0) of_vrf_.erase(vrf);
}

void References::port(PortId id, const PortRow& row, Way way) {
  name_vrf(row.vrf, way);
  mark(addresses_, std::tuple(row.vrf, row.address, id), way);
  for (const uint32_t group : row.groups) {
    std::set<PortId>& ports = ports_of_group_[group];
    mark(ports, id, way);
    if (ports.empty()) ports_of_group_.erase(group);
  }
}

void References::tunnel(const TunnelRow& row, Way way) {
  if (!row.is_link) name_vrf(row.vrf, way);
  if (row.remote == 0) return;
  uint32_t& tunnels = of_remote_[row.remote];
  count(tunnels, way);
  if (tunnels == 0) of_remote_.erase(row.remote);
}

void References::route(VrfId vrf, const Adjacency& adjacency, Way way) {
  if (adjacency.kind == AdjacencyKind::kNone) return;
  name_vrf(vrf, way);
  const bool is_port = adjacency.kind == AdjacencyKind::kPort;
  if (!is_port && adjacency.kind != AdjacencyKind::kTunnel) return;
  std::vector<RouteCounts>& counts = is_port ? to_port_ : to_tunnel_;
  if (adjacency.index >= counts.size()) counts.resize(adjacency.index + 1);
  RouteCounts& routes = counts[adjacency.index];
  count(adjacency.has_label() ? routes.with_label : routes.without_label, way);
}

VrfId References::other_with_label(uint32_t label, VrfId id) const {
  for (auto found = labels_.lower_bound({label, VrfId(0)});
       found != labels_.end() && found->first == label; ++found) {
    if (found->second != id) return found->second;
  }
  return id;
}

PortId References::other_with_address(VrfId vrf, uint32_t address, PortId id) const {
  for (auto found = addresses_.lower_bound({vrf, address, PortId(0)}); found != addresses_.end();
       ++found) {
    const auto& [other_vrf, other_address, other] = *found;
    if (other_vrf != vrf || other_address != address) break;
    if (other != id) return other;
  }
  return id;
}

const std::set<PortId>& References::ports_of_group(uint32_t group) const {
  static const std::set<PortId> none;
  const auto found = ports_of_group_.find(group);
  return found == ports_of_group_.end() ? none : found->second;
}

uint32_t References::of_vrf(VrfId id) const {
  const auto found = of_vrf_.find(id);
  return found == of_vrf_.end() ? 0 : found->second;
}

uint32_t References::of_remote(uint32_t address) const {
  const auto found = of_remote_.find(address);
  return found == of_remote_.end() ? 0 : found->second;
}

RouteCounts References::to_port(uint32_t index) const { return at(to_port_, index); }
RouteCounts References::to_tunnel(uint32_t index) const { return at(to_tunnel_, index); }

}  // namespace farspan::dataplane
