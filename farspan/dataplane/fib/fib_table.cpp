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

Adjacency FibTable::answer(Adjacency leaf, uint32_t source) const noexcept {
  while (leaf.kind == kPolicy) [[unlikely]] {
      const Policy& policy = policies_[leaf.index];
      const auto found = std::find_if(policy.by_source->begin(), policy.by_source->end(),
                                      [&](const BySource& c) { return c.source.contains(source); });
      if (found != policy.by_source->end()) return found->adjacency;
      leaf = policy.otherwise;
    }
  return leaf;
}

Adjacency FibTable::lookup(uint32_t source, uint32_t destination) const noexcept {
  if (root_ == nullptr) return answer(leaf_of_range(destination), source);
  const FibWord& top = root_[destination >> 22];
  const uint32_t top_slot = destination >> 16 & 63;
  if (top.has_child(top_slot)) {
    const FibWord& middle = top.child(top_slot).words[destination >> 14 & 3];
    const uint32_t middle_slot = destination >> 8 & 63;
    if (middle.has_child(middle_slot)) {
      const FibWord& bottom = middle.child(middle_slot).words[destination >> 6 & 3];
      const Adjacency found = answer(bottom.leaf(destination & 63), source);
      if (found.kind != kInherit) return found;
    }
    const Adjacency found = answer(middle.leaf(middle_slot), source);
    if (found.kind != kInherit) return found;
  }
  const Adjacency found = answer(top.leaf(top_slot), source);
  return found.kind != kInherit ? found : answer(everywhere_, source);
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
