// SPDX-License-Identifier: Apache-2.0
// What readers see of a RouteTable.
#include <algorithm>

#include "farspan/dataplane/fib/route_table.h"

namespace farspan::dataplane {
namespace {

// The trie is the faster one from about 16 ranges on (bench/tables_bench.cpp), but takes 32 KiB for
// its root alone, and most tables are small. A table near the border must not change its form with
// every route.
constexpr size_t kMostSmall = 32, kLeastLarge = 16;  // destinations

constexpr uint8_t kWordBits = 10;  // of the address, that name a word of the root

}  // namespace

RouteTable::~RouteTable() {
  if (last_ == nullptr || last_->root_ == nullptr) return;
  writer_.replace_for(last_->replaced_);
  writer_.put_away({last_->root_.get(), kRootWords});
}

std::shared_ptr<const FibTable> RouteTable::publish() {
  const bool was_large = last_ != nullptr && last_->root_ != nullptr;
  const bool is_large = destinations_ > (was_large ? kLeastLarge : kMostSmall);
  if (was_large) writer_.replace_for(last_->replaced_);
  if (is_large && !was_large) changed_all();
  if (was_large && !is_large) writer_.put_away({last_->root_.get(), kRootWords});

  auto table = std::make_shared<FibTable>();
  if (is_large) {
    write_trie(*table);
    table->replaced_ = std::make_shared<ReplacedNodes>();
    if (was_large) last_->replaced_->next = table->replaced_;
  } else {
    write_ranges(*table);
  }
  table->policies_ = policies_;
  table->trie_bytes_ = writer_.bytes();
  for (const uint32_t slot : changed_middles_) {
    const auto middle = middles_.find(slot);
    if (middle == middles_.end()) continue;
    middle->second.is_changed = middle->second.is_own_changed = false;
    middle->second.changed = {};
    if (!is_large) std::erase_if(middle->second.below, [](auto& b) { return b.second.empty(); });
    if (middle->second.own.empty() && middle->second.below.empty()) middles_.erase(middle);
  }
  changed_middles_.clear();
  changed_words_.reset();
  last_ = table;
  return table;
}

// The leaf for readers of a destination that `covering` covers: behind a policy stands the plain
// route, or what covers.
Adjacency RouteTable::linked(Adjacency leaf, Adjacency covering) {
  if (leaf.kind != kPolicy) return leaf;
  const PolicyRoutes& routes = *policy_by_number_[leaf.index];
  const Adjacency otherwise = routes.plain.kind != AdjacencyKind::kNone ? routes.plain : covering;
  if (leaf.index < policies_.size()) {
    const FibTable::Policy& old = policies_[leaf.index];
    if (old.by_source == routes.by_source && old.otherwise == otherwise) return leaf;
  }
  policies_.write(leaf.index) = {routes.by_source, otherwise};
  return leaf;
}

// Turns nested prefixes into disjoint ranges: a sweep over the sorted prefixes with a stack of the
// open ones.
void RouteTable::write_ranges(FibTable& table) {
  std::vector<Destination> sorted = destinations();
  std::sort(sorted.begin(), sorted.end(),
            [](const Destination& a, const Destination& b) { return a.prefix < b.prefix; });
  const auto append = [&](uint32_t start, Adjacency leaf) {
    if (!table.starts_.empty() && table.starts_.back() == start) {  // the new one covers it all
      table.starts_.pop_back();
      table.leaves_.pop_back();
    }
    if (!table.leaves_.empty() && table.leaves_.back() == leaf) return;
    table.starts_.push_back(start);
    table.leaves_.push_back(leaf);
  };
  std::vector<std::pair<uint32_t, Adjacency>> open = {{UINT32_MAX, Adjacency::none()}};
  const auto close = [&] {  // the range that ends at `last`; what covers it goes on
    const uint32_t last = open.back().first;
    open.pop_back();
    if (last != UINT32_MAX) append(last + 1, open.back().second);
  };
  append(0, Adjacency::none());
  for (const auto& [prefix, leaf] : sorted) {
    while (open.back().first < prefix.address) close();
    const Adjacency own = linked(leaf, open.back().second);
    append(prefix.address, own);
    open.emplace_back(prefix.last(), own);
  }
  while (open.size() > 1) close();
  table.starts_.shrink_to_fit();
  table.leaves_.shrink_to_fit();
}

void RouteTable::write_trie(FibTable& table) {
  auto root = std::make_unique<FibWord[]>(kRootWords);
  if (last_ != nullptr && last_->root_ != nullptr)
    std::copy_n(last_->root_.get(), kRootWords, root.get());
  std::sort(changed_middles_.begin(), changed_middles_.end());
  for (size_t i = 0; i < changed_middles_.size();) {
    const uint32_t number = changed_middles_[i] / 64;
    uint64_t changed = 0;
    for (; i < changed_middles_.size() && changed_middles_[i] / 64 == number; ++i)
      changed |= uint64_t{1} << changed_middles_[i] % 64;
    writer_.set_children(root[number], changed, [&](uint32_t slot, FibNode& node) {
      return write_middle(number * 64 + slot, node);
    });
  }
  for (uint32_t number = 0; number < kRootWords; ++number) {
    if (changed_words_[number]) write_top_leaves(root[number], number);
  }
  table.everywhere_ = linked(everywhere_, Adjacency::none());
  table.root_ = std::move(root);
}

bool RouteTable::write_middle(uint32_t slot, FibNode& node) {
  Middle& middle = middles_.at(slot);
  for (uint32_t w = 0; w < kNodeWords; ++w) {
    if (middle.changed[w] == 0) continue;
    writer_.set_children(node.words[w], middle.changed[w], [&](uint32_t below, FibNode& bottom) {
      write_node(bottom, *middle.find_below(w * 64 + below));
      return !middle.find_below(w * 64 + below)->empty();
    });
  }
  std::erase_if(middle.below, [](const auto& below) { return below.second.empty(); });
  if (middle.is_own_changed) write_node(node, middle.own);
  return !middle.own.empty() || !middle.below.empty();
}

void RouteTable::write_node(FibNode& node, const NodeRoutes& routes) {
  std::array<Adjacency, 256> slots;
  slots.fill(inherited());
  for (const NodeRoutes::Entry& entry : routes.entries()) {  // longer ones over shorter ones
    Adjacency* const first = &slots[entry.first_slot()];
    std::fill_n(first, entry.slots(), linked(entry.leaf, *first));
  }
  for (uint32_t w = 0; w < kNodeWords; ++w)
    writer_.set_leaves(node.words[w], std::span<const Adjacency, 64>(&slots[w * 64], 64));
}

void RouteTable::write_top_leaves(FibWord& word, uint32_t number) {
  const uint32_t first = number << (32 - kWordBits);
  std::array<Adjacency, 64> slots;
  slots.fill(inherited());
  for (uint8_t length = 1; length <= kWordBits; ++length) {
    const auto covering = top_.find({first & Prefix4::mask(length), length});
    if (covering != top_.end()) slots.fill(linked(covering->second, slots[0]));
  }
  const Prefix4 whole{first, kWordBits};
  for (auto at = top_.upper_bound(whole); at != top_.end() && whole.contains(at->first.address);
       ++at) {
    const uint32_t slot = at->first.address >> 16 & 63;
    std::fill_n(&slots[slot], size_t{1} << (16 - at->first.length),
                linked(at->second, slots[slot]));
  }
  writer_.set_leaves(word, slots);
}

}  // namespace farspan::dataplane
