// SPDX-License-Identifier: Apache-2.0
// OuterPath: between which underlay addresses the ESP packets of an SA travel, and whether inside
// UDP.
//
// Charon may move an SA at any time (NAT mapping, MOBIKE) while the worker uses it, and an SA whose
// peer sits behind a restless NAT is moved thousands of times in its life. So the SA has two places
// for its path and a count of moves that says which of them is the present one: the writer fills
// the other and then raises the count, a reader looks at the count again after it has read and
// starts anew when it was raised meanwhile. No memory grows, none is freed under a reader, and a
// writer that is interrupted half-way keeps no reader waiting.
//
// Threads: move() by charon's thread, current() by any. Standards: RFC 3948.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace farspan::ipsec {

struct Endpoint {
  uint32_t address = 0;  // IPv4, host order
  uint16_t port = 0;     // UDP; 0 with native ESP
  constexpr bool operator==(const Endpoint&) const = default;
};

struct OuterPath {
  Endpoint local, remote;
  bool is_udp_encapsulated = false;
  constexpr bool operator==(const OuterPath&) const = default;
};

/// An endpoint that one thread writes and others read whole.
class SharedEndpoint {
 public:
  void store(const Endpoint& endpoint) {
    bits_.store(uint64_t{endpoint.address} << 16 | endpoint.port, std::memory_order_release);
  }
  Endpoint load() const {
    const uint64_t bits = bits_.load(std::memory_order_acquire);
    return {static_cast<uint32_t>(bits >> 16), static_cast<uint16_t>(bits)};
  }

 private:
  std::atomic<uint64_t> bits_{0};
};

class MovablePath {
 public:
  explicit MovablePath(const OuterPath& first) { places_[0].store(first); }
  MovablePath(const MovablePath&) = delete;
  MovablePath& operator=(const MovablePath&) = delete;

  OuterPath current() const {
    for (;;) {
      const uint32_t moves = moves_.load(std::memory_order_acquire);
      const OuterPath path = places_[moves % 2].load();
      // What the loads above read of a later move makes that move's count visible too: they acquire
      // what the writer released after it had raised the count.
      if (moves_.load(std::memory_order_relaxed) == moves) return path;
    }
  }
  uint32_t moves() const { return moves_.load(std::memory_order_acquire); }
  void move(const OuterPath& path) {
    const uint32_t moves = moves_.load(std::memory_order_relaxed);
    if (places_[moves % 2].load() == path) return;
    places_[(moves + 1) % 2].store(path);
    moves_.store(moves + 1, std::memory_order_release);
  }

 private:
  struct Place {
    void store(const OuterPath& path) {
      local.store(path.local);
      remote.store(path.remote);
      is_udp_encapsulated.store(path.is_udp_encapsulated, std::memory_order_release);
    }
    OuterPath load() const {
      return {local.load(), remote.load(), is_udp_encapsulated.load(std::memory_order_acquire)};
    }
    SharedEndpoint local, remote;
    std::atomic<bool> is_udp_encapsulated{false};
  };

  std::atomic<uint32_t> moves_{0};
  std::array<Place, 2> places_;
};

}  // namespace farspan::ipsec
