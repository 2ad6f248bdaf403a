// SPDX-License-Identifier: Apache-2.0
// TrieWriter: writes words of a trie that readers have while it changes.
//
// What readers may have is never written: arrays of children and leaves are replaced by new ones.
// Those that went out of use are kept with the last table that has them, and each such collection
// keeps the next one: they are freed when no table that old is left, without any count on a node.
//
//   table 7 ─▶ replaced by 8 ─▶ replaced by 9 ─▶ …      table 7 is freed: what 8 replaced goes;
//   table 8 ──────┘ (and so on)                          a reader that still has 7 keeps all
//
// Not here: which routes there are (route_table.h). Threads: those of RouteTable.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "farspan/dataplane/fib/fib_node.h"

namespace farspan::dataplane {

/// Arrays that no later table has.
struct ReplacedNodes {
  std::vector<const FibNode*> nodes;
  std::vector<const Adjacency*> leaves;
  std::shared_ptr<ReplacedNodes> next;  // of the table after it

  ReplacedNodes() = default;
  ReplacedNodes(const ReplacedNodes&) = delete;
  ReplacedNodes& operator=(const ReplacedNodes&) = delete;
  ~ReplacedNodes();
};

class TrieWriter {
 public:
  /// Bytes of all nodes and leaves below the root.
  size_t bytes() const { return bytes_; }

  /// What is replaced from now on belongs to the table that has `replaced`; null: to no reader.
  void replace_for(std::shared_ptr<ReplacedNodes> replaced) { replaced_ = std::move(replaced); }

  /// Gives the 64 slots of `word` these leaves.
  void set_leaves(FibWord& word, std::span<const Adjacency, 64> slots);

  /// Makes the children of `word` anew in the `changed` slots.
  /// @param make  bool(uint32_t slot, FibNode& node): changes the node, empty if it is new; false
  ///              when nothing is left of it
  template <class Make>
  void set_children(FibWord& word, uint64_t changed, Make make) {
    std::array<FibNode, 64> nodes;
    size_t count = 0;
    uint64_t children = 0;
    for (uint64_t left = word.children | changed; left != 0; left &= left - 1) {
      const auto slot = static_cast<uint32_t>(std::countr_zero(left));
      nodes[count] = word.has_child(slot) ? word.child(slot) : FibNode{};
      if ((changed >> slot & 1) != 0 && !make(slot, nodes[count])) continue;
      children |= uint64_t{1} << slot;
      ++count;
    }
    replace_nodes(word, children, {nodes.data(), count});
  }

  /// Puts away all that is below these words.
  void put_away(std::span<const FibWord> words);

 private:
  void replace_nodes(FibWord& word, uint64_t children, std::span<const FibNode> nodes);
  void put_away_leaves(const FibWord& word);
  void put_away_nodes(const FibWord& word);

  std::shared_ptr<ReplacedNodes> replaced_;
  size_t bytes_ = 0;
};

}  // namespace farspan::dataplane
