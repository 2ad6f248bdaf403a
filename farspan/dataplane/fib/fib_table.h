// SPDX-License-Identifier: Apache-2.0
// FibTable: the longest prefix match of one table of one VRF.
//
// Most VRFs have a handful of routes and a few have thousands, so there are two forms, both made
// from the same flattened list of disjoint ranges:
//
//   small  the range starts, sorted, binary search: a few hundred bytes
//   large  a trie of strides 16-8-8 whose nodes are bitmaps with popcounts
//          (after "Poptrie", Asai and Ohara, SIGCOMM 2015);
//          a lookup touches at most three words and one leaf,
//          whatever the routes look like
//
//     destination  |  16 bits: 1024 words  |  8 bits: 4 words  |  8 bits: 4 words  |
//     word = { which slots have a child, where a new leaf starts, first child, first leaf }
//
// A destination may also have routes for certain sources only (policy routes): the longest matching
// source wins over the plain route; when no source matches and there is no plain route, the next
// shorter destination prefix is asked.
//
// Not here: which table (fib.h). Threads: immutable after build(); any thread. Never allocates in
// lookup().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "farspan/dataplane/fib/adjacency.h"

namespace farspan::dataplane {

/// IPv4 prefix in host order. @pre host bits are zero
struct Prefix4 {
  uint32_t address = 0;
  uint8_t length = 0;

  static constexpr uint32_t mask(uint8_t length) {
    return length == 0 ? 0 : ~uint32_t{0} << (32 - length);
  }
  constexpr bool contains(uint32_t other) const { return ((other ^ address) & mask(length)) == 0; }
  constexpr auto operator<=>(const Prefix4&) const = default;
};

struct FibRoute {
  Prefix4 destination;
  std::optional<Prefix4> source;  // only packets from here
  Adjacency adjacency;
};

class FibTable {
 public:
  FibTable() = default;
  /// The table of `routes`, in any order. @pre no two have the same destination and source
  static FibTable build(std::span<const FibRoute> routes);

  /// Where a packet from `source` to `destination` (host order) goes; kNone when no route covers
  /// it.
  /// @cost  large tables: four cache misses at most, one or two more where policy routes are
  Adjacency lookup(uint32_t source, uint32_t destination) const noexcept;

  size_t size_bytes() const;

 private:
  friend class FibTableBuild;

  struct Word {                // 64 slots of one node
    uint64_t children = 0;     // slot has a child node
    uint64_t leaf_starts = 0;  // slot is a leaf and not the same as the leaf before it in this word
    uint32_t first_child = 0;  // in words_; a child node is kNodeWords words
    uint32_t first_leaf = 0;   // in leaves_
  };
  struct BySource {
    Prefix4 source;
    Adjacency adjacency;
  };
  struct Policy {  // the routes for certain sources of one destination, longest source first
    uint32_t first = 0, count = 0;  // in by_source_
    Adjacency otherwise;            // the plain route, or what the shorter destination prefix says
  };

  Adjacency leaf_of(uint32_t destination) const noexcept;

  bool is_large_ = false;
  std::vector<uint32_t> starts_;  // small only: of the ranges; [0] is 0
  std::vector<Adjacency> leaves_;
  std::vector<Word> words_;       // large only; the root node is the first 1024
  std::vector<Policy> policies_;  // a leaf of the private kind kPolicy has an index into this
  std::vector<BySource> by_source_;
};

}  // namespace farspan::dataplane
