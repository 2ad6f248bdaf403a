// SPDX-License-Identifier: Apache-2.0
// Which routes there are; what readers see of them is made in route_table_publish.cpp.
#include "farspan/dataplane/fib/route_table.h"

#include <algorithm>

namespace farspan::dataplane {
namespace {

constexpr uint8_t kTopBits = 16, kMiddleBits = 24;

uint16_t middle_place(const Prefix4& prefix) {
  return NodeRoutes::place_of(prefix.address >> 8, prefix.length - uint32_t{kTopBits});
}
uint16_t bottom_place(const Prefix4& prefix) {
  return NodeRoutes::place_of(prefix.address, prefix.length - uint32_t{kMiddleBits});
}
uint32_t top_slot(const Prefix4& prefix) { return prefix.address >> 16; }
uint32_t middle_slot(const Prefix4& prefix) { return prefix.address >> 8 & 255; }

template <class Below>
auto lower_bound_of(Below& below, uint32_t slot) {
  return std::lower_bound(below.begin(), below.end(), slot,
                          [](const auto& item, uint32_t s) { return item.first < s; });
}

}  // namespace

NodeRoutes& RouteTable::Middle::below_at(uint32_t slot) {
  auto at = lower_bound_of(below, slot);
  if (at == below.end() || at->first != slot)
    at = below.emplace(at, static_cast<uint8_t>(slot), NodeRoutes());
  return at->second;
}

const NodeRoutes* RouteTable::Middle::find_below(uint32_t slot) const {
  const auto at = lower_bound_of(below, slot);
  return at == below.end() || at->first != slot ? nullptr : &at->second;
}

Adjacency RouteTable::leaf_at(const Prefix4& destination) const {
  if (destination.length == 0) return everywhere_;
  if (destination.length <= kTopBits) {
    const auto found = top_.find(destination);
    return found == top_.end() ? Adjacency::none() : found->second;
  }
  const auto middle = middles_.find(top_slot(destination));
  if (middle == middles_.end()) return Adjacency::none();
  if (destination.length <= kMiddleBits) return middle->second.own.find(middle_place(destination));
  const NodeRoutes* bottom = middle->second.find_below(middle_slot(destination));
  return bottom == nullptr ? Adjacency::none() : bottom->find(bottom_place(destination));
}

// Also when the leaf stays the same, as when a policy behind it changed.
void RouteTable::set_leaf(const Prefix4& destination, Adjacency leaf) {
  const bool is_there = leaf.kind != AdjacencyKind::kNone;
  const bool was_there = leaf_at(destination).kind != AdjacencyKind::kNone;
  if (is_there && !was_there) ++destinations_;
  if (!is_there && was_there) --destinations_;
  if (destination.length == 0) {
    everywhere_ = leaf;
    return;
  }
  if (destination.length <= kTopBits) {
    if (is_there) {
      top_[destination] = leaf;
    } else {
      top_.erase(destination);
    }
    return changed_top(destination);
  }
  Middle& middle = middles_[top_slot(destination)];
  if (destination.length <= kMiddleBits) {
    middle.own.set(middle_place(destination), leaf);
    middle.is_own_changed = true;
  } else {
    const uint32_t slot = middle_slot(destination);
    middle.below_at(slot).set(bottom_place(destination), leaf);
    middle.changed[slot / 64] |= uint64_t{1} << slot % 64;
  }
  changed_middle(top_slot(destination), middle);
}

void RouteTable::changed_top(const Prefix4& destination) {
  for (uint32_t word = destination.address >> 22; word <= destination.last() >> 22; ++word)
    changed_words_.set(word);
}

void RouteTable::changed_middle(uint32_t slot, Middle& middle) {
  if (!middle.is_changed) changed_middles_.push_back(slot);
  middle.is_changed = true;
}

// What is changed when there was no trie before.
void RouteTable::changed_all() {
  for (const auto& [prefix, leaf] : top_) changed_top(prefix);
  for (auto& [slot, middle] : middles_) {
    middle.is_own_changed = true;
    for (const auto& [below, routes] : middle.below)
      middle.changed[below / 64] |= uint64_t{1} << below % 64;
    changed_middle(slot, middle);
  }
}

Adjacency RouteTable::find(const RouteKey& key) const {
  const Adjacency leaf = leaf_at(key.destination);
  if (leaf.kind != kPolicy) return key.source ? Adjacency::none() : leaf;
  const PolicyRoutes& policy = *policy_by_number_[leaf.index];
  if (!key.source) return policy.plain;
  for (const BySource& route : *policy.by_source) {
    if (route.source == *key.source) return route.adjacency;
  }
  return Adjacency::none();
}

void RouteTable::set(const RouteKey& key, Adjacency adjacency) {
  const Adjacency before = find(key);
  if (before == adjacency) return;
  if (before.kind == AdjacencyKind::kNone) ++routes_;
  if (adjacency.kind == AdjacencyKind::kNone) --routes_;
  const bool has_policy = leaf_at(key.destination).kind == kPolicy;
  if (!key.source && !has_policy) return set_leaf(key.destination, adjacency);

  PolicyRoutes& policy = policy_at(key.destination);
  if (key.source) {
    set_by_source(policy, *key.source, adjacency);
  } else {
    policy.plain = adjacency;
  }
  if (!policy.by_source->empty()) return set_leaf(key.destination, {policy.number, 0, kPolicy});
  const Adjacency plain = policy.plain;
  vacant_numbers_.push_back(policy.number);
  by_source_.erase(key.destination);
  set_leaf(key.destination, plain);
}

RouteTable::PolicyRoutes& RouteTable::policy_at(const Prefix4& destination) {
  const auto [found, is_new] = by_source_.try_emplace(destination);
  PolicyRoutes& policy = found->second;
  if (!is_new) return policy;
  if (vacant_numbers_.empty()) {
    vacant_numbers_.push_back(static_cast<uint32_t>(policy_by_number_.size()));
    policy_by_number_.push_back(nullptr);
  }
  policy.number = vacant_numbers_.back();
  vacant_numbers_.pop_back();
  policy_by_number_[policy.number] = &policy;
  policy.plain = leaf_at(destination);
  policy.by_source = std::make_shared<const std::vector<BySource>>();
  return policy;
}

void RouteTable::set_by_source(PolicyRoutes& policy, const Prefix4& source, Adjacency adjacency) {
  std::vector<BySource> routes = *policy.by_source;
  std::erase_if(routes, [&](const BySource& route) { return route.source == source; });
  if (adjacency.kind != AdjacencyKind::kNone) {
    const auto at = std::find_if(routes.begin(), routes.end(), [&](const BySource& route) {
      return route.source.length < source.length;
    });
    routes.insert(at, {source, adjacency});
  }
  policy.by_source = std::make_shared<const std::vector<BySource>>(std::move(routes));
}

std::vector<RouteTable::Destination> RouteTable::destinations() const {
  std::vector<Destination> all;
  all.reserve(destinations_);
  if (everywhere_.kind != AdjacencyKind::kNone) all.push_back({{0, 0}, everywhere_});
  for (const auto& [prefix, leaf] : top_) all.push_back({prefix, leaf});
  const auto add = [&](const NodeRoutes& routes, uint32_t base, uint32_t shift) {
    for (const NodeRoutes::Entry& entry : routes.entries()) {
      const auto length = static_cast<uint8_t>(24 - shift + entry.length());
      all.push_back({{base | entry.first_slot() << shift, length}, entry.leaf});
    }
  };
  for (const auto& [slot, middle] : middles_) {
    add(middle.own, slot << 16, 8);
    for (const auto& [below, routes] : middle.below)
      add(routes, slot << 16 | uint32_t{below} << 8, 0);
  }
  return all;
}

void RouteTable::for_each(const std::function<void(const RouteKey&, Adjacency)>& visit) const {
  for (const auto& [prefix, leaf] : destinations()) {
    if (leaf.kind != kPolicy) {
      visit({prefix, std::nullopt}, leaf);
      continue;
    }
    const PolicyRoutes& policy = *policy_by_number_[leaf.index];
    for (const auto& [source, adjacency] : *policy.by_source) visit({prefix, source}, adjacency);
    if (policy.plain.kind != AdjacencyKind::kNone) visit({prefix, std::nullopt}, policy.plain);
  }
}

}  // namespace farspan::dataplane
