// SPDX-License-Identifier: Apache-2.0
// SentSas: whose packet was it? From what a router can quote of an ESP packet, its destination and
// SPI, to the tunnel it left by.
//
// The SAs that sealed something are noted when their MTU is learnt, not per packet; those that went
// away are left out when the table grows. Whoever asks looks at the SA itself.
//
// Threads: the worker. Allocates when there are more SAs than ever, not per packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace farspan::dataplane {

class SentSas {
 public:
  struct Entry {
    uint32_t remote = 0, spi = 0;
    uint32_t tunnel = 0;
  };

  /// @param is_alive  tells of an Entry whether its SA still exists
  template <class IsAlive>
  void note(const Entry& entry, IsAlive is_alive) {
    if (Entry* const known = place_of(entry.remote, entry.spi); known->spi != 0) {
      known->tunnel = entry.tunnel;
      return;
    }
    if (2 * (count_ + 1) > entries_.size()) rebuild(is_alive);
    *place_of(entry.remote, entry.spi) = entry;
    ++count_;
  }

  std::optional<uint32_t> find(uint32_t remote, uint32_t spi) {
    const Entry* const known = place_of(remote, spi);
    return known->spi == 0 ? std::nullopt : std::optional(known->tunnel);
  }

 private:
  static constexpr size_t kFirstSize = 64;

  // Where it is, or the empty place where it would be: at most half of the places are taken.
  Entry* place_of(uint32_t remote, uint32_t spi) {
    const size_t mask = entries_.size() - 1;
    const uint64_t mixed = (uint64_t{remote} << 32 | spi) * 0x9E3779B97F4A7C15u;
    size_t at = (mixed >> 32) & mask;
    while (entries_[at].spi != 0 && (entries_[at].spi != spi || entries_[at].remote != remote))
      at = (at + 1) & mask;
    return &entries_[at];
  }

  template <class IsAlive>
  void rebuild(IsAlive is_alive) {
    std::vector<Entry> alive;
    for (const Entry& entry : entries_) {
      if (entry.spi != 0 && is_alive(entry)) alive.push_back(entry);
    }
    size_t size = kFirstSize;
    while (size < 4 * (alive.size() + 1)) size *= 2;
    entries_.assign(size, {});
    for (const Entry& entry : alive) *place_of(entry.remote, entry.spi) = entry;
    count_ = alive.size();
  }

  std::vector<Entry> entries_ = std::vector<Entry>(kFirstSize);  // spi 0: empty
  size_t count_ = 0;
};

}  // namespace farspan::dataplane
