// SPDX-License-Identifier: Apache-2.0
// FibTable: the longest prefix match of one table of one VRF, as readers see it.
//
// Most VRFs have a handful of routes and a few have thousands, so there are two forms:
//
//   small  the starts of disjoint ranges, sorted, binary search: a few hundred bytes
//   large  a trie of strides 16-8-8 whose nodes are bitmaps with popcounts (fib_node.h)
//
//     destination  |  16 bits: 1024 words  |  8 bits: 4 words  |  8 bits: 4 words  |
//     word = { which slots have a child, where a new leaf starts, children, leaves }
//
// A destination may also have routes for certain sources only (policy routes): the longest matching
// source wins over the plain route; when no source matches and there is no plain route, the next
// shorter destination prefix is asked.
//
// A table never changes. The next version shares with it all that the change did not touch
// (route_table.h makes both, docs/adr/0008 says why like this).
//
// Not here: which table (fib.h). Threads: read by any; freed by the thread that makes tables.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "farspan/base/shared_array.h"
#include "farspan/dataplane/fib/fib_node.h"
#include "farspan/dataplane/fib/prefix4.h"

namespace farspan::dataplane {

struct ReplacedNodes;

class FibTable {
 public:
  FibTable() = default;  // without routes

  /// Where a packet from `source` to `destination` (host order) goes; kNone when no route covers
  /// it.
  /// @cost  large tables: four cache misses where the longest prefix is deep in the trie, one more
  ///        for each level that only inherits, one or two more where policy routes are
  Adjacency lookup(uint32_t source, uint32_t destination) const noexcept;

  /// Of the table with all that it shares with others.
  size_t size_bytes() const;

 private:
  friend class RouteTable;
  friend class TrieWriter;

  struct BySource {
    Prefix4 source;
    Adjacency adjacency;
  };
  struct Policy {  // the routes for certain sources of one destination
    std::shared_ptr<const std::vector<BySource>> by_source;  // longest first
    Adjacency otherwise;  // the plain route, or what the next shorter destination prefix says
  };

  Adjacency leaf_of_range(uint32_t destination) const noexcept;
  // apart, so that lookup() stays small
  [[gnu::noinline]] Adjacency look_above(uint32_t source, uint32_t destination) const noexcept;
  [[gnu::noinline]] Adjacency ask_policies(Adjacency leaf, uint32_t source) const noexcept;

  std::vector<uint32_t> starts_;             // small only: of the ranges; [0] is 0
  std::vector<Adjacency> leaves_;            // small only
  std::unique_ptr<const FibWord[]> root_;    // large only: 1024
  Adjacency everywhere_;                     // large only: of 0.0.0.0/0
  SharedArray<Policy> policies_;             // by the index of a leaf of kind kPolicy
  size_t trie_bytes_ = 0;                    // below the root
  std::shared_ptr<ReplacedNodes> replaced_;  // large only: what later versions do not have
};

}  // namespace farspan::dataplane
