// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/fib/fib_table.h"

#include <algorithm>
#include <bit>

namespace farspan::dataplane {
namespace {

// A leaf that asks policies_[index] instead of being the answer; never leaves this file.
constexpr auto kPolicy = static_cast<AdjacencyKind>(255);

constexpr uint32_t kRootWords = 1024;  // 16 bits
constexpr uint32_t kNodeWords = 4;     // 8 bits

// The trie is the faster one from about 16 ranges on (5.5 against 7.5 ns at 64), but takes 24 KiB
// for its root alone, and most tables are small (bench/tables_bench.cpp).
constexpr size_t kMaxSmallRanges = 64;

// How many of the slots 0…slot are set.
uint32_t rank(uint64_t bits, uint32_t slot) {
  return static_cast<uint32_t>(std::popcount(bits & (~uint64_t{0} >> (63 - slot))));
}

struct Range {  // up to the start of the next one
  uint32_t start;
  Adjacency leaf;
};

uint32_t last_of(const Prefix4& prefix) { return prefix.address | ~Prefix4::mask(prefix.length); }

// By destination so that covering prefixes come first; longer sources before shorter ones before
// none.
bool is_before(const FibRoute& a, const FibRoute& b) {
  if (a.destination != b.destination) return a.destination < b.destination;
  if (a.source.has_value() != b.source.has_value()) return a.source.has_value();
  return a.source && a.source->length > b.source->length;
}

// Adds the range that begins at `start`; one that began at the same place was covered by this one.
void append(std::vector<Range>& ranges, uint32_t start, Adjacency leaf) {
  if (!ranges.empty() && ranges.back().start == start) ranges.pop_back();
  if (!ranges.empty() && ranges.back().leaf == leaf) return;
  ranges.push_back({start, leaf});
}

}  // namespace

class FibTableBuild {
 public:
  explicit FibTableBuild(std::span<const FibRoute> routes) : routes_(routes.begin(), routes.end()) {
    std::sort(routes_.begin(), routes_.end(), is_before);
  }

  FibTable run() {
    flatten();
    if (ranges_.size() <= kMaxSmallRanges) {
      fill_small();
    } else {
      table_.is_large_ = true;
      table_.words_.resize(kRootWords);
      fill_node(0, kRootWords, 0, 16, 0);
    }
    table_.starts_.shrink_to_fit();
    table_.leaves_.shrink_to_fit();
    table_.words_.shrink_to_fit();
    return std::move(table_);
  }

 private:
  // Turns nested prefixes into disjoint ranges: a sweep over the sorted prefixes with a stack of
  // the open ones.
  void flatten() {
    struct Open {
      uint32_t last;
      Adjacency leaf;
    };
    std::vector<Open> open = {{UINT32_MAX, Adjacency::none()}};
    append(ranges_, 0, Adjacency::none());
    const auto close = [&] {
      const uint32_t last = open.back().last;
      open.pop_back();
      if (last != UINT32_MAX) append(ranges_, last + 1, open.back().leaf);
    };
    for (size_t i = 0; i < routes_.size();) {
      const Prefix4 destination = routes_[i].destination;
      while (open.back().last < destination.address) close();
      const Adjacency leaf = leaf_of_destination(&i, open.back().leaf);
      append(ranges_, destination.address, leaf);
      open.push_back({last_of(destination), leaf});
    }
    while (open.size() > 1) close();
  }

  // The leaf of the destination of route *i, and *i moved past its routes. `covering` answers what
  // it does not.
  Adjacency leaf_of_destination(size_t* i, Adjacency covering) {
    const Prefix4 destination = routes_[*i].destination;
    FibTable::Policy policy{static_cast<uint32_t>(table_.by_source_.size()), 0, covering};
    for (; *i < routes_.size() && routes_[*i].destination == destination; ++*i) {
      const FibRoute& route = routes_[*i];
      if (!route.source) {
        policy.otherwise = route.adjacency;
      } else {
        table_.by_source_.push_back({*route.source, route.adjacency});
        ++policy.count;
      }
    }
    if (policy.count == 0) return policy.otherwise;
    table_.policies_.push_back(policy);
    return {static_cast<uint32_t>(table_.policies_.size() - 1), 0, kPolicy};
  }

  void fill_small() {
    for (const Range& range : ranges_) {
      table_.starts_.push_back(range.start);
      table_.leaves_.push_back(range.leaf);
    }
  }

  // Fills the node of `word_count` words at `first_word`, whose slots cover 2^shift addresses each
  // from `address` on; `range` is the one that contains `address`.
  void fill_node(uint32_t first_word, uint32_t word_count, uint32_t address, uint32_t shift,
                 size_t range) {
    struct Child {
      uint32_t first_word, address;
      size_t range;
    };
    std::vector<Child> children;
    const auto is_within_range = [&](uint32_t start, uint32_t last) {  // and moves range to it
      while (range + 1 < ranges_.size() && ranges_[range + 1].start <= start) ++range;
      return range + 1 == ranges_.size() || ranges_[range + 1].start > last;
    };
    for (uint32_t w = 0; w < word_count; ++w) {
      FibTable::Word word;
      word.first_child = static_cast<uint32_t>(table_.words_.size());
      const uint32_t word_start = address + ((w * 64) << shift);
      if (is_within_range(word_start, word_start + ((uint32_t{64} << shift) - 1))) {
        add_leaf(word, 0, ranges_[range].leaf);  // as most words of the root are
        table_.words_[first_word + w] = word;
        continue;
      }
      for (uint32_t slot = 0; slot < 64; ++slot) {
        const uint32_t start = word_start + (slot << shift);
        if (is_within_range(start, start + ((uint32_t{1} << shift) - 1))) {
          add_leaf(word, slot, ranges_[range].leaf);
        } else {
          word.children |= uint64_t{1} << slot;
          children.push_back({static_cast<uint32_t>(table_.words_.size()), start, range});
          table_.words_.resize(table_.words_.size() + kNodeWords);
        }
      }
      table_.words_[first_word + w] = word;
    }
    for (const Child& child : children) {
      fill_node(child.first_word, kNodeWords, child.address, shift - 8, child.range);
    }
  }

  void add_leaf(FibTable::Word& word, uint32_t slot, Adjacency leaf) {
    const bool repeats = !table_.leaves_.empty() && table_.leaves_.back() == leaf;
    if (word.leaf_starts == 0) {
      word.first_leaf = static_cast<uint32_t>(table_.leaves_.size() - (repeats ? 1 : 0));
    } else if (repeats) {
      return;
    }
    word.leaf_starts |= uint64_t{1} << slot;
    if (!repeats) table_.leaves_.push_back(leaf);
  }

  std::vector<FibRoute> routes_;
  std::vector<Range> ranges_;
  FibTable table_;
};

FibTable FibTable::build(std::span<const FibRoute> routes) { return FibTableBuild(routes).run(); }

Adjacency FibTable::leaf_of(uint32_t destination) const noexcept {
  if (!is_large_) {
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
  const Word* word = &words_[destination >> 22];
  uint32_t slot = destination >> 16 & 63;
  for (uint32_t shift = 8; (word->children >> slot & 1) != 0; shift -= 8) {
    const uint32_t node = word->first_child + (rank(word->children, slot) - 1) * kNodeWords;
    word = &words_[node + (destination >> (shift + 6) & 3)];
    slot = destination >> shift & 63;
  }
  return leaves_[word->first_leaf + rank(word->leaf_starts, slot) - 1];
}

Adjacency FibTable::lookup(uint32_t source, uint32_t destination) const noexcept {
  Adjacency leaf = leaf_of(destination);
  while (leaf.kind == kPolicy) [[unlikely]] {
      const Policy& policy = policies_[leaf.index];
      const std::span candidates(&by_source_[policy.first], policy.count);
      const auto found = std::find_if(candidates.begin(), candidates.end(),
                                      [&](const BySource& c) { return c.source.contains(source); });
      if (found != candidates.end()) return found->adjacency;
      leaf = policy.otherwise;
    }
  return leaf;
}

size_t FibTable::size_bytes() const {
  return sizeof(*this) + starts_.size() * sizeof(starts_[0]) + leaves_.size() * sizeof(leaves_[0]) +
         words_.size() * sizeof(words_[0]) + policies_.size() * sizeof(policies_[0]) +
         by_source_.size() * sizeof(by_source_[0]);
}

}  // namespace farspan::dataplane
