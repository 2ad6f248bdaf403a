// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/fib/trie_writer.h"

#include <algorithm>

namespace farspan::dataplane {
namespace {

size_t leaves_of(const FibWord& word) {
  return static_cast<size_t>(std::popcount(word.leaf_starts));
}
size_t nodes_of(const FibWord& word) { return static_cast<size_t>(std::popcount(word.children)); }

}  // namespace

ReplacedNodes::~ReplacedNodes() {
  for (const FibNode* array : nodes) delete[] array;
  for (const Adjacency* array : leaves) delete[] array;
  // one after the other: a reader that slept may have kept thousands
  for (auto rest = std::move(next); rest != nullptr && rest.use_count() == 1;) {
    auto after = std::move(rest->next);
    rest = std::move(after);
  }
}

void TrieWriter::set_leaves(FibWord& word, std::span<const Adjacency, 64> slots) {
  std::array<Adjacency, 64> runs;
  size_t count = 0;
  uint64_t starts = 0;
  Adjacency before = inherited();
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    if (slots[slot] == before) continue;
    starts |= uint64_t{1} << slot;
    runs[count++] = before = slots[slot];
  }
  const auto end = runs.begin() + static_cast<std::ptrdiff_t>(count);
  if (starts == word.leaf_starts && std::equal(runs.begin(), end, word.leaves)) return;
  put_away_leaves(word);
  word.leaf_starts = starts;
  word.leaves = nullptr;
  if (count == 0) return;
  auto* leaves = new Adjacency[count];
  std::copy(runs.begin(), end, leaves);
  word.leaves = leaves;
  bytes_ += count * sizeof(Adjacency);
}

void TrieWriter::replace_nodes(FibWord& word, uint64_t children, std::span<const FibNode> nodes) {
  put_away_nodes(word);
  word.children = children;
  word.nodes = nullptr;
  if (nodes.empty()) return;
  auto* array = new FibNode[nodes.size()];
  std::copy(nodes.begin(), nodes.end(), array);
  word.nodes = array;
  bytes_ += nodes.size_bytes();
}

void TrieWriter::put_away(std::span<const FibWord> words) {
  for (const FibWord& word : words) {
    for (const FibNode& node : std::span(word.nodes, nodes_of(word))) put_away(node.words);
    put_away_nodes(word);
    put_away_leaves(word);
  }
}

void TrieWriter::put_away_leaves(const FibWord& word) {
  if (word.leaves == nullptr) return;
  bytes_ -= leaves_of(word) * sizeof(Adjacency);
  replaced_->leaves.push_back(word.leaves);
}

void TrieWriter::put_away_nodes(const FibWord& word) {
  if (word.nodes == nullptr) return;
  bytes_ -= nodes_of(word) * sizeof(FibNode);
  replaced_->nodes.push_back(word.nodes);
}

}  // namespace farspan::dataplane
