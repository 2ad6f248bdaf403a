// SPDX-License-Identifier: Apache-2.0
// PersistentMap: a sorted map whose copies share what they have in common.
//
//   map ─▶ root ─▶ leaves of up to 64 entries, sorted      copy      one pointer
//   copy ──┘                                               change    a leaf and the list of leaves
//                                                          compare   only leaves that differ
//
// Made for values that are published and then followed by a slightly changed successor: old and new
// live side by side, the change costs what changed, and differences() finds it again without
// looking at the rest. Reads like std::map, with const iterators; an entry is changed through
// operator[], at() and insert_or_assign(), which first make it this map's own.
//
// `kIsEntryShared`: entries are held by pointer, so that copying a leaf copies pointers, and an
// address of an entry holds for as long as any map has that entry. For large values, and for those
// that others point to. Otherwise entries lie in the leaf and move with it.
//
// Threads: copies are independent values, and may be read and changed on different threads, as
// copies of shared_ptr may.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "farspan/base/check.h"

namespace farspan {

template <class Key, class Value, bool kIsEntryShared = false>
class PersistentMap {
 public:
  using key_type = Key;
  using mapped_type = Value;
  using value_type = std::pair<Key, Value>;

 private:
  using Slot = std::conditional_t<kIsEntryShared, std::shared_ptr<value_type>, value_type>;
  using Leaf = std::vector<Slot>;
  struct Root {
    std::vector<std::shared_ptr<Leaf>> leaves;  // none is empty
    size_t size = 0;
  };
  static constexpr size_t kLeafSize = 64;

  static const value_type& entry(const Slot& slot) {
    if constexpr (kIsEntryShared)
      return *slot;
    else
      return slot;
  }
  static Slot slot_of(value_type&& made) {
    if constexpr (kIsEntryShared)
      return std::make_shared<value_type>(std::move(made));
    else
      return std::move(made);
  }

 public:
  class const_iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = PersistentMap::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() = default;
    reference operator*() const { return entry((*root_->leaves[leaf_])[slot_]); }
    pointer operator->() const { return &**this; }
    const_iterator& operator++() {
      if (++slot_ == root_->leaves[leaf_]->size()) {
        ++leaf_;
        slot_ = 0;
      }
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator before = *this;
      ++*this;
      return before;
    }
    const_iterator& operator--() {
      if (slot_ == 0) slot_ = root_->leaves[--leaf_]->size();
      --slot_;
      return *this;
    }
    const_iterator operator--(int) {
      const_iterator before = *this;
      --*this;
      return before;
    }
    bool operator==(const const_iterator& other) const {
      return leaf_ == other.leaf_ && slot_ == other.slot_;
    }

   private:
    friend class PersistentMap;
    const_iterator(const Root* root, size_t leaf, size_t slot)
        : root_(root), leaf_(leaf), slot_(slot) {}
    const Root* root_ = nullptr;
    size_t leaf_ = 0, slot_ = 0;
  };
  using iterator = const_iterator;

  PersistentMap() = default;
  PersistentMap(std::initializer_list<value_type> entries) {
    for (const auto& [key, value] : entries) try_emplace(key, value);
  }

  /// Of entries in order. @pre each key is below the next
  static PersistentMap from_sorted(std::vector<value_type> entries) {
    PersistentMap map;
    if (entries.empty()) return map;
    map.root_ = std::make_shared<Root>();
    map.root_->size = entries.size();
    for (size_t from = 0; from < entries.size(); from += kLeafSize) {
      auto leaf = std::make_shared<Leaf>();
      const size_t to = std::min(entries.size(), from + kLeafSize);
      leaf->reserve(to - from);
      for (size_t i = from; i < to; ++i) leaf->push_back(slot_of(std::move(entries[i])));
      map.root_->leaves.push_back(std::move(leaf));
    }
    return map;
  }

  size_t size() const { return root_ == nullptr ? 0 : root_->size; }
  bool empty() const { return size() == 0; }
  const_iterator begin() const { return {root_.get(), 0, 0}; }
  const_iterator end() const {
    return {root_.get(), root_ == nullptr ? 0 : root_->leaves.size(), 0};
  }

  /// The first entry whose key is not below `key`.
  const_iterator lower_bound(const Key& key) const {
    if (root_ == nullptr) return end();
    const Place place = place_of(key);
    if (place.slot < root_->leaves[place.leaf]->size())
      return {root_.get(), place.leaf, place.slot};
    return {root_.get(), place.leaf + 1, 0};
  }
  const_iterator find(const Key& key) const {
    const auto found = lower_bound(key);
    return found != end() && found->first == key ? found : end();
  }
  bool contains(const Key& key) const { return find(key) != end(); }
  size_t count(const Key& key) const { return contains(key) ? 1 : 0; }
  const Value& at(const Key& key) const {
    const auto found = find(key);
    FS_CHECK(found != end());
    return found->second;
  }

  /// To be changed. @pre it is there
  Value& at(const Key& key) {
    FS_CHECK(contains(key));
    return own(place_of(key));
  }
  /// To be changed; made when it is not there.
  Value& operator[](const Key& key) {
    try_emplace(key);
    return own(place_of(key));
  }

  /// True when it was not there; what is there stays as it is.
  template <class... Arguments>
  std::pair<const_iterator, bool> try_emplace(const Key& key, Arguments&&... arguments) {
    if (const auto standing = find(key); standing != end()) return {standing, false};
    insert(value_type(key, Value(std::forward<Arguments>(arguments)...)));
    return {find(key), true};
  }
  std::pair<const_iterator, bool> emplace(const Key& key, Value value) {
    return try_emplace(key, std::move(value));
  }
  std::pair<const_iterator, bool> insert_or_assign(const Key& key, Value value) {
    if (contains(key)) {
      own(place_of(key)) = std::move(value);
      return {find(key), false};
    }
    insert(value_type(key, std::move(value)));
    return {find(key), true};
  }
  size_t erase(const Key& key) {
    if (!contains(key)) return 0;
    const Place place = place_of(key);
    Root& root = own_root();
    Leaf& leaf = own_leaf(root, place.leaf);
    leaf.erase(leaf.begin() + static_cast<std::ptrdiff_t>(place.slot));
    if (leaf.empty())
      root.leaves.erase(root.leaves.begin() + static_cast<std::ptrdiff_t>(place.leaf));
    if (--root.size == 0) root_.reset();  // a root has a leaf
    return 1;
  }
  void clear() { root_.reset(); }

  bool operator==(const PersistentMap& other) const {
    if (root_ == other.root_) return true;
    if (size() != other.size()) return false;
    bool is_equal = true;
    differences(*this, other, [&](const Key&, const Value*, const Value*) { is_equal = false; });
    return is_equal;
  }

  /// Calls `visit(key, before, after)` for each key whose value is not the same in both, in order;
  /// null stands for the map that does not have it.
  template <class Visit>
  static void differences(const PersistentMap& before, const PersistentMap& after, Visit&& visit) {
    if (before.root_ == after.root_) return;
    auto old = before.begin(), now = after.begin();
    const auto old_end = before.end(), now_end = after.end();
    while (old != old_end || now != now_end) {
      if (old != old_end && now != now_end) {
        if (skips_common_leaf(old, now)) continue;
        if (!(old->first < now->first) && !(now->first < old->first)) {
          if (&*old != &*now && !(old->second == now->second))
            visit(old->first, &old->second, &now->second);
          ++old;
          ++now;
          continue;
        }
      }
      if (now == now_end || (old != old_end && old->first < now->first)) {
        visit(old->first, &old->second, static_cast<const Value*>(nullptr));
        ++old;
      } else {
        visit(now->first, static_cast<const Value*>(nullptr), &now->second);
        ++now;
      }
    }
  }

 private:
  struct Place {
    size_t leaf = 0, slot = 0;  // the slot may be one behind the last of the last leaf
  };

  // @pre there is a leaf
  Place place_of(const Key& key) const {
    const auto& leaves = root_->leaves;
    // The last leaf that does not begin above the key.
    const auto above = std::upper_bound(
        leaves.begin() + 1, leaves.end(), key,
        [](const Key& wanted, const auto& leaf) { return wanted < entry(leaf->front()).first; });
    const auto leaf = static_cast<size_t>(above - leaves.begin()) - 1;
    const Leaf& slots = *leaves[leaf];
    const auto slot = std::lower_bound(
        slots.begin(), slots.end(), key,
        [](const Slot& standing, const Key& wanted) { return entry(standing).first < wanted; });
    return {leaf, static_cast<size_t>(slot - slots.begin())};
  }

  static bool skips_common_leaf(const_iterator& old, const_iterator& now) {
    if (old.slot_ != 0 || now.slot_ != 0 ||
        old.root_->leaves[old.leaf_] != now.root_->leaves[now.leaf_])
      return false;
    ++old.leaf_;
    ++now.leaf_;
    return true;
  }

  void insert(value_type&& made) {
    Root& root = own_root();
    ++root.size;
    if (root.leaves.empty()) {  // just made
      root.leaves.push_back(std::make_shared<Leaf>());
      root.leaves.front()->push_back(slot_of(std::move(made)));
      return;
    }
    const Place place = place_of(made.first);
    Leaf& leaf = own_leaf(root, place.leaf);
    leaf.insert(leaf.begin() + static_cast<std::ptrdiff_t>(place.slot), slot_of(std::move(made)));
    if (leaf.size() <= kLeafSize) return;
    // At the end of everything the next keys are likely to be higher still: leave this leaf full.
    const bool is_last = place.leaf + 1 == root.leaves.size() && place.slot + 1 == leaf.size();
    const auto cut =
        leaf.begin() + static_cast<std::ptrdiff_t>(is_last ? kLeafSize : kLeafSize / 2);
    auto right =
        std::make_shared<Leaf>(std::make_move_iterator(cut), std::make_move_iterator(leaf.end()));
    leaf.erase(cut, leaf.end());
    root.leaves.insert(root.leaves.begin() + static_cast<std::ptrdiff_t>(place.leaf) + 1,
                       std::move(right));
  }

  // What only this map holds nobody else can begin to hold, and who held it last has let go: the
  // fence makes what they read come before what is written now.
  template <class Shared>
  static bool is_alone(const std::shared_ptr<Shared>& held) {
    if (held.use_count() != 1) return false;
    std::atomic_thread_fence(std::memory_order_acquire);
    return true;
  }
  Root& own_root() {
    if (root_ == nullptr)
      root_ = std::make_shared<Root>();
    else if (!is_alone(root_))
      root_ = std::make_shared<Root>(*root_);
    return *root_;
  }
  static Leaf& own_leaf(Root& root, size_t index) {
    auto& leaf = root.leaves[index];
    if (!is_alone(leaf)) leaf = std::make_shared<Leaf>(*leaf);
    return *leaf;
  }
  Value& own(const Place& place) {
    Slot& slot = own_leaf(own_root(), place.leaf)[place.slot];
    if constexpr (kIsEntryShared) {
      if (!is_alone(slot)) slot = std::make_shared<value_type>(*slot);
      return slot->second;
    } else {
      return slot.second;
    }
  }

  std::shared_ptr<Root> root_;
};

}  // namespace farspan
