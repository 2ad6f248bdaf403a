// SPDX-License-Identifier: Apache-2.0
// LiveTable: a hash from a number to an entry that one thread changes an entry at a time, while
// others look things up and never wait.
//
//   heads  [·][●][·][●]…     one chain a head; entries carry their own link, so that what is found
//              │     └▶ C    costs no more memory to touch than the head and the entry itself
//              └▶ A ▶ B
//
// An entry is put in, replaced or taken out with one store of a pointer: a reader sees the one
// before or the one after, never half of either, and whoever stands on an entry that has gone still
// finds its way on along its link. The number of heads is fixed: nothing is ever moved, so a change
// costs the same with one entry and with all there can be.
//
// Entries are owned elsewhere, and freed when readers.h says that nobody stands on them.
//
// Threads: replace() one, find() any.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace farspan::ipsec {

/// What an entry of a LiveTable carries.
template <class Entry>
class LiveLink {
 private:
  template <class E, uint32_t (E::*)() const>
  friend class LiveTable;
  std::atomic<Entry*> next_{nullptr};
};

/// @param kId  what an entry is found by
template <class Entry, uint32_t (Entry::*kId)() const>
class LiveTable {
 public:
  /// @param entries  as many as there will be at most, or nearly: more only make it slower
  explicit LiveTable(size_t entries)
      : shift_(32 - static_cast<unsigned>(
                        std::countr_zero(std::bit_ceil(std::max<size_t>(entries, 2))))),
        heads_(new std::atomic<Entry*>[size_t{1} << (32 - shift_)]()) {}

  Entry* find(uint32_t id) const {
    Entry* entry = heads_[home_of(id)].load(std::memory_order_acquire);
    while (entry != nullptr && (entry->*kId)() != id)
      entry = entry->next_.load(std::memory_order_acquire);
    return entry;
  }

  /// Puts `with` where the entry of `id` was, or in, or takes that entry out for null.
  /// @return the entry before, or null: readers may still use it
  Entry* replace(uint32_t id, Entry* with) {
    std::atomic<Entry*>* link = &heads_[home_of(id)];
    Entry* before = link->load(std::memory_order_relaxed);
    while (before != nullptr && (before->*kId)() != id) {
      link = &before->next_;
      before = link->load(std::memory_order_relaxed);
    }
    Entry* const behind =
        before == nullptr ? nullptr : before->next_.load(std::memory_order_relaxed);
    if (with != nullptr) with->next_.store(behind, std::memory_order_relaxed);
    link->store(with != nullptr ? with : behind, std::memory_order_seq_cst);
    return before;
  }

 private:
  size_t home_of(uint32_t id) const { return (id * 0x9E3779B1u) >> shift_; }

  unsigned shift_;
  std::unique_ptr<std::atomic<Entry*>[]> heads_;
};

}  // namespace farspan::ipsec
