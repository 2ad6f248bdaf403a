// SPDX-License-Identifier: Apache-2.0
// IdIndex: from the number a packet or an SA names to the place of its row.
//
// Asked for every packet that comes over a tunnel, so the answer stands in one cache line: a bucket
// of eight entries, chosen by the number. A full bucket goes on in the next one, which at half full
// is rare. Copies share what is the same in both (base/shared_array.h), so a row more or less costs
// a few buckets.
//
// Threads: as a SharedArray.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "farspan/base/shared_array.h"

namespace farspan::dataplane {

template <class Index>
class IdIndex {
 public:
  std::optional<Index> find(uint32_t id) const {
    if (buckets_.empty()) return std::nullopt;
    for (size_t at = home_of(id);; at = next(at)) {
      const Bucket& bucket = buckets_[at];
      for (const Entry& entry : bucket) {
        if (entry.id == id) return entry.index;
      }
      if (!is_full(bucket)) return std::nullopt;
    }
  }

  /// @pre id is not 0 and not in the index
  void insert(uint32_t id, Index index) {
    if ((count_ + 1) * 2 > buckets_.size() * kEntries) grow();
    ++count_;
    put({id, index});
  }

  /// @pre id is in the index
  void erase(uint32_t id) {
    size_t at = home_of(id);
    while (place_of(buckets_[at], id) == kEntries) at = next(at);
    bool was_full = is_full(buckets_[at]);
    remove(buckets_.write(at), place_of(buckets_[at], id));
    --count_;
    // what went on behind the full bucket may find room nearer to where it is looked for
    while (was_full) {
      at = next(at);
      was_full = is_full(buckets_[at]);
      const Bucket moving = buckets_[at];
      buckets_.write(at) = {};
      for (const Entry& entry : moving) {
        if (entry.id != 0) put(entry);
      }
    }
  }

 private:
  struct Entry {
    uint32_t id = 0;  // 0: none, nor are those behind it
    Index index;
  };
  static constexpr size_t kEntries = 8;
  struct alignas(64) Bucket : std::array<Entry, kEntries> {};

  static bool is_full(const Bucket& bucket) { return bucket[kEntries - 1].id != 0; }
  static size_t place_of(const Bucket& bucket, uint32_t id) {
    size_t place = 0;
    while (place < kEntries && bucket[place].id != id) ++place;
    return place;
  }
  static void remove(Bucket& bucket, size_t place) {
    size_t last = place;
    while (last + 1 < kEntries && bucket[last + 1].id != 0) ++last;
    bucket[place] = bucket[last];
    bucket[last] = {};
  }

  size_t home_of(uint32_t id) const {
    return (id * uint64_t{0x9E3779B97F4A7C15} >> 32) & (buckets_.size() - 1);
  }
  size_t next(size_t at) const { return (at + 1) & (buckets_.size() - 1); }

  void put(Entry entry) {
    size_t at = home_of(entry.id);
    while (is_full(buckets_[at])) at = next(at);
    buckets_.write(at)[place_of(buckets_[at], 0)] = entry;
  }

  void grow() {
    std::vector<Entry> entries;
    for (const Bucket& bucket : buckets_) {
      for (const Entry& entry : bucket) {
        if (entry.id != 0) entries.push_back(entry);
      }
    }
    const size_t size = buckets_.empty() ? 1 : buckets_.size() * 2;
    buckets_ = {};
    buckets_.write(size - 1);
    for (const Entry& entry : entries) put(entry);
  }

  // a power of two of them, as chunks are; at most half full
  SharedArray<Bucket, 16> buckets_;
  size_t count_ = 0;
};

}  // namespace farspan::dataplane
