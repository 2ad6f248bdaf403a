// SPDX-License-Identifier: Apache-2.0
// SharedArray: an array whose copies share what is the same in both.
//
// Entries stand in chunks; a copy copies pointers to chunks, and writing an entry clones its chunk
// when a copy has it too. So a new version of 10,000 rows of which one differs costs 160 pointers
// and one chunk, and reading an entry costs one more load than an array does.
//
// Threads: any number may read one copy; a copy is written by one thread, and the others must have
// been handed theirs before.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace farspan {

template <class T, size_t kPerChunk = 64>
class SharedArray {
 public:
  class Iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    Iterator(const SharedArray* array, size_t at) : array_(array), at_(at) {}
    const T& operator*() const { return (*array_)[at_]; }
    const T* operator->() const { return &(*array_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++at_;
      return before;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const SharedArray* array_ = nullptr;
    size_t at_ = 0;
  };

  /// Places there are, used or not: a multiple of the chunk.
  size_t size() const { return chunks_.size() * kPerChunk; }
  bool empty() const { return chunks_.empty(); }
  /// @pre at < size()
  const T& operator[](size_t at) const { return (*chunks_[at / kPerChunk])[at % kPerChunk]; }
  /// The entry for writing; the array grows to have it.
  T& write(size_t at) {
    while (at >= size()) chunks_.push_back(std::make_shared<Chunk>());
    std::shared_ptr<Chunk>& chunk = chunks_[at / kPerChunk];
    if (chunk.use_count() > 1) chunk = std::make_shared<Chunk>(*chunk);
    return (*chunk)[at % kPerChunk];
  }

  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  using Chunk = std::array<T, kPerChunk>;
  std::vector<std::shared_ptr<Chunk>> chunks_;
};

}  // namespace farspan
