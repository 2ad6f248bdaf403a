// SPDX-License-Identifier: Apache-2.0
// OuterPath: between which underlay addresses the ESP packets of an SA travel, and whether inside
// UDP.
//
// Charon may move an SA at any time (NAT mapping, MOBIKE) while the worker uses it, so the SA holds
// an atomic pointer to an immutable path; a path once used lives as long as its SA, and an equal
// one is used again.
//
// Threads: move() by the control thread, current() by any. Standards: RFC 3948.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

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

class MovablePath {
 public:
  explicit MovablePath(const OuterPath& first) : first_(first) {}
  MovablePath(const MovablePath&) = delete;
  MovablePath& operator=(const MovablePath&) = delete;

  const OuterPath& current() const { return *current_.load(std::memory_order_acquire); }
  void move(const OuterPath& path) {
    if (path == first_) return current_.store(&first_, std::memory_order_release);
    for (const auto& known : later_) {
      if (*known == path) return current_.store(known.get(), std::memory_order_release);
    }
    later_.push_back(std::make_unique<const OuterPath>(path));
    current_.store(later_.back().get(), std::memory_order_release);
  }

 private:
  std::atomic<const OuterPath*> current_{&first_};
  const OuterPath first_;  // in place: few SAs ever move
  std::vector<std::unique_ptr<const OuterPath>> later_;
};

}  // namespace farspan::ipsec
