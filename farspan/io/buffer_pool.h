// SPDX-License-Identifier: Apache-2.0
// Buffer: the memory a packet lies in, owned by whoever holds it. BufferPool: where buffers come
// from and where they come home to by themselves.
//
//   small  2 KiB   one frame, or one packet of the underlay, that fits
//   large  68 KiB  a super-packet, a train, a datagram of fragments
//
//   bytes ─▶ |headroom|…………………………|tailroom|
//
// Whoever holds a Buffer may keep the packet for as long as he likes: until it is sealed, until its
// other fragments came. A train is one buffer that each of its packets holds (share()). So memory
// is bounded by the pool, and an empty pool is a reason to drop, never one to wait.
//
// The free buffer used last is taken first, for it is the one in the cache; memory that was never
// used costs none. Sizes are odd numbers of cache lines, so that the heads of packets do not want
// the same place in a cache.
//
// Threads: one worker's, pool and buffers. Allocates when made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace farspan::io {

class BufferPool;

class Buffer {
 public:
  static constexpr uint32_t kHeadroom = 64, kTailroom = 64;
  static constexpr uint32_t kSmall = 33 * 64, kLarge = 1089 * 64;
  /// Bytes between headroom and tailroom.
  static constexpr uint32_t kSmallRoom = kSmall - kHeadroom - kTailroom,
                            kLargeRoom = kLarge - kHeadroom - kTailroom;

  Buffer() = default;
  Buffer(Buffer&& other) noexcept : head_(std::exchange(other.head_, nullptr)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this == &other) return *this;
    reset();
    head_ = std::exchange(other.head_, nullptr);
    return *this;
  }
  ~Buffer() { reset(); }

  explicit operator bool() const { return head_ != nullptr; }
  bool is_same(const Buffer& other) const { return head_ == other.head_; }

  /// Where the room begins, behind kHeadroom bytes of headroom. @pre not empty
  uint8_t* room() const { return head_->bytes + kHeadroom; }

  /// One holder more of the same bytes.
  Buffer share() const {
    if (head_ != nullptr) ++head_->holders;
    return Buffer(head_);
  }
  /// Gives it up; the last holder sends it home.
  void reset() {
    if (head_ == nullptr) return;
    if (--head_->holders == 0) go_home(head_);
    head_ = nullptr;
  }

 private:
  friend class BufferPool;
  struct Head {
    uint8_t* bytes;
    Head* next;      // of the free ones
    Head** home;     // the first of the free ones of its size
    uint32_t* free;  // how many those are
    uint32_t holders;
  };
  explicit Buffer(Head* head) : head_(head) {}
  static void go_home(Head* head) {
    head->next = *head->home;
    *head->home = head;
    ++*head->free;
  }
  Head* head_ = nullptr;
};

class BufferPool {
 public:
  struct Limits {
    uint32_t small = 4096;  // 8.6 MB, of which only what is ever used at once is memory
    uint32_t large = 512;   // 36 MB
  };
  explicit BufferPool(Limits limits);
  /// All buffers are home.
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// Empty when all are held.
  Buffer take_small() { return take(small_); }
  Buffer take_large() { return take(large_); }

  uint32_t free_small() const { return small_.free; }
  uint32_t free_large() const { return large_.free; }

 private:
  struct Size {
    uint32_t count;
    Buffer::Head* first = nullptr;
    uint32_t free = 0;
    std::unique_ptr<Buffer::Head[]> heads;
    std::unique_ptr<uint8_t[]> bytes;  // not written: a page nobody used is none
  };
  static void fill(Size& size, uint32_t count, uint32_t bytes_each);
  static Buffer take(Size& size) {
    Buffer::Head* const head = size.first;
    if (head == nullptr) return {};
    size.first = head->next;
    --size.free;
    head->holders = 1;
    return Buffer(head);
  }

  Size small_{}, large_{};
};

}  // namespace farspan::io
