// SPDX-License-Identifier: Apache-2.0
// Slabs: memory for many objects of one over-aligned type that come and go.
//
// The C library does not use freed over-aligned blocks again (glibc before 2.38): a day of rekeys
// would grow the process for ever. Here a place that was given back is the next one taken, and the
// whole is as large as it ever had to be.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace farspan::ipsec {

template <class T, size_t kPerSlab = 64>
class Slabs {
 public:
  Slabs() = default;
  Slabs(const Slabs&) = delete;
  Slabs& operator=(const Slabs&) = delete;
  // Objects are given back before: what they hold is not known here.

  template <class... Args>
  T* make(Args&&... args) {
    if (free_ == nullptr) grow();
    Place* const place = free_;
    free_ = place->next;
    return new (place->bytes) T(std::forward<Args>(args)...);
  }
  void give_back(T* object) {
    object->~T();
    free_ = new (object) Place{.next = free_};
  }

 private:
  union Place {
    Place* next;  // of a free one
    alignas(T) unsigned char bytes[sizeof(T)];
  };
  void grow() {
    slabs_.push_back(std::unique_ptr<Place[]>(new Place[kPerSlab]));
    for (size_t i = kPerSlab; i-- > 0;) {
      slabs_.back()[i].next = free_;
      free_ = &slabs_.back()[i];
    }
  }

  std::vector<std::unique_ptr<Place[]>> slabs_;
  Place* free_ = nullptr;
};

}  // namespace farspan::ipsec
