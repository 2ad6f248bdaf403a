// SPDX-License-Identifier: Apache-2.0
// FibNode: what the trie of a FibTable is made of.
//
// Runs of slots with the same leaf are kept once: a bitmap says where one begins, and the leaf of a
// slot is found by counting bits (after "Poptrie", Asai and Ohara, SIGCOMM 2015). Unlike there, a
// leaf is not pushed down into the nodes below: a slot without one inherits from above. So a prefix
// stands in exactly one node, and to change it is to change that node, whatever is below.
//
// Not here: who makes and frees nodes (trie_writer.h), lookups (fib_table.h).
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "farspan/dataplane/fib/adjacency.h"

namespace farspan::dataplane {

// Leaves that are no answers yet; never seen outside this folder.
inline constexpr auto kPolicy = static_cast<AdjacencyKind>(255);   // ask policies_[index]
inline constexpr auto kInherit = static_cast<AdjacencyKind>(254);  // ask the node above

constexpr bool is_answer(const Adjacency& leaf) { return leaf.kind < kInherit; }
inline constexpr Adjacency inherited() { return {0, 0, kInherit}; }

struct FibNode;

/// 64 slots of a node; half a cache line, so that it never lies on two.
struct alignas(32) FibWord {
  uint64_t children = 0;     // slot has a node below
  uint64_t leaf_starts = 0;  // slot has another leaf than the one before it
  const FibNode* nodes = nullptr;
  const Adjacency* leaves = nullptr;

  bool has_child(uint32_t slot) const { return (children >> slot & 1) != 0; }
  const FibNode& child(uint32_t slot) const;  ///< @pre has_child(slot)
  Adjacency leaf(uint32_t slot) const {
    const uint32_t runs = rank(leaf_starts, slot);
    return runs == 0 ? inherited() : leaves[runs - 1];
  }
  /// How many of the slots 0…slot are set.
  static uint32_t rank(uint64_t bits, uint32_t slot) {
    return static_cast<uint32_t>(std::popcount(bits & (~uint64_t{0} >> (63 - slot))));
  }
};

inline constexpr uint32_t kRootWords = 1024;  // 16 bits
inline constexpr uint32_t kNodeWords = 4;     // 8 bits

struct FibNode {
  std::array<FibWord, kNodeWords> words;
};

inline const FibNode& FibWord::child(uint32_t slot) const {
  return nodes[rank(children, slot) - 1];
}

}  // namespace farspan::dataplane
