// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/fib/fib_table.h"

#include <algorithm>

namespace farspan::dataplane {

Adjacency FibTable::leaf_of_range(uint32_t destination) const noexcept {
  if (starts_.empty()) return Adjacency::none();
  // the last start that is not above the destination, without a branch that depends on it
  const uint32_t* base = starts_.data();
  for (size_t count = starts_.size(); count > 1;) {
    const size_t half = count / 2;
    base += base[half] <= destination ? half : 0;
    count -= half;
  }
  return leaves_[static_cast<size_t>(base - starts_.data())];
}

Adjacency FibTable::lookup(uint32_t source, uint32_t destination) const noexcept {
  if (root_ == nullptr) {
    const Adjacency found = leaf_of_range(destination);
    return is_answer(found) ? found : ask_policies(found, source);
  }
  const FibWord* word = &root_[destination >> 22];
  uint32_t slot = destination >> 16 & 63;
  for (uint32_t shift = 8; word->has_child(slot); shift -= 8) {
    word = &word->child(slot).words[destination >> (shift + 6) & 3];
    slot = destination >> shift & 63;
  }
  const Adjacency found = word->leaf(slot);
  return is_answer(found) ? found : look_above(source, destination);
}

// From the deepest node up to the first that has an answer.
Adjacency FibTable::look_above(uint32_t source, uint32_t destination) const noexcept {
  const auto in_node = [&](const FibWord& word, uint32_t shift) {
    const Adjacency leaf = word.leaf(destination >> shift & 63);
    return leaf.kind == kPolicy ? ask_policies(leaf, source) : leaf;
  };
  const FibWord& top = root_[destination >> 22];
  if (top.has_child(destination >> 16 & 63)) {
    const FibWord& middle = top.child(destination >> 16 & 63).words[destination >> 14 & 3];
    if (middle.has_child(destination >> 8 & 63)) {
      const FibNode& bottom = middle.child(destination >> 8 & 63);
      const Adjacency found = in_node(bottom.words[destination >> 6 & 3], 0);
      if (is_answer(found)) return found;
    }
    const Adjacency found = in_node(middle, 8);
    if (is_answer(found)) return found;
  }
  const Adjacency found = in_node(top, 16);
  if (is_answer(found)) return found;
  return everywhere_.kind == kPolicy ? ask_policies(everywhere_, source) : everywhere_;
}

// An answer, or inherited().
Adjacency FibTable::ask_policies(Adjacency leaf, uint32_t source) const noexcept {
  while (leaf.kind == kPolicy) {
    const Policy& policy = policies_[leaf.index];
    const auto found = std::find_if(policy.by_source->begin(), policy.by_source->end(),
                                    [&](const BySource& c) { return c.source.contains(source); });
    if (found != policy.by_source->end()) return found->adjacency;
    leaf = policy.otherwise;
  }
  return leaf;
}

size_t FibTable::size_bytes() const {
  size_t bytes = sizeof(*this) + starts_.size() * sizeof(starts_[0]) +
                 leaves_.size() * sizeof(leaves_[0]) + policies_.size() * sizeof(Policy) +
                 trie_bytes_ + (root_ == nullptr ? 0 : kRootWords * sizeof(FibWord));
  for (const Policy& policy : policies_) {
    if (policy.by_source) bytes += policy.by_source->size() * sizeof(BySource);
  }
  return bytes;
}

}  // namespace farspan::dataplane
