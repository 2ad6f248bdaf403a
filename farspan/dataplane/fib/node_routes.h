// SPDX-License-Identifier: Apache-2.0
// NodeRoutes: the prefixes that end within one node of eight bits, with their leaves.
//
// Each has a place: the number that its bits in this node make behind a leading 1. Sorted by place,
// shorter prefixes come first, and a prefix that covers another one is an ancestor in a binary
// heap.
//
// Not here: nodes as readers see them (fib_node.h). Threads: those of RouteTable.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "farspan/dataplane/fib/adjacency.h"

namespace farspan::dataplane {

class NodeRoutes {
 public:
  struct Entry {
    uint16_t place;
    Adjacency leaf;

    uint32_t length() const { return static_cast<uint32_t>(std::bit_width(place)) - 1; }
    uint32_t first_slot() const { return (place & ((1u << length()) - 1)) << (8 - length()); }
    uint32_t slots() const { return 256u >> length(); }
  };

  /// @param bits    the eight bits of the address that this node is about
  /// @param length  how many of them the prefix fixes, 1 … 8
  static uint16_t place_of(uint32_t bits, uint32_t length) {
    return static_cast<uint16_t>(1u << length | (bits & 255) >> (8 - length));
  }

  /// kNone where nothing is.
  Adjacency find(uint16_t place) const {
    const auto at = std::ranges::lower_bound(entries_, place, {}, &Entry::place);
    return at == entries_.end() || at->place != place ? Adjacency::none() : at->leaf;
  }
  /// kNone takes it away.
  void set(uint16_t place, Adjacency leaf) {
    const auto at = std::ranges::lower_bound(entries_, place, {}, &Entry::place);
    const bool is_there = at != entries_.end() && at->place == place;
    if (leaf.kind == AdjacencyKind::kNone) {
      if (is_there) entries_.erase(at);
    } else if (is_there) {
      at->leaf = leaf;
    } else {
      insert(at, {place, leaf});
    }
  }
  bool empty() const { return entries_.empty(); }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  void insert(std::vector<Entry>::iterator at, Entry entry) {
    const auto offset = at - entries_.begin();
    // by a quarter, not by doubling: there are a million of these
    if (entries_.size() == entries_.capacity())
      entries_.reserve(entries_.size() + entries_.size() / 4 + 1);
    entries_.insert(entries_.begin() + offset, entry);
  }

  std::vector<Entry> entries_;
};

}  // namespace farspan::dataplane
