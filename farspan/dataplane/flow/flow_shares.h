// SPDX-License-Identifier: Apache-2.0
// FlowShares: who holds how many of the flow table's entries, and whose makes room when it is full.
//
// Every ingress (a port, an office's tunnel, a group of sources behind a link) has a share, which
// lists its flows: the weak ones (opening, one-way, closing), oldest first, and the others. As long
// as there is room, anybody may take it. In a full table the fair part is entries / shares in use,
// and a share with a quarter of that in weak flows is a flood. What goes for a new flow of a share
//
//   that holds the fair part   a weak flow of its own, or one of a flood; or it gets none
//   that holds less            1. a weak flow of a share that holds more than the fair part
//                              2. one of a flood, itself first
//                              3. of the largest share: weak, or of a few the one idle longest
//
// So a flood only ever pushes out floods, and who hoards connections that live gives back what
// others have a right to (max-min fairness). "The most" is found by ranks of powers of two: right
// within a factor of two, in constant time.
//
// Not here: the entries themselves, and forgetting them (flow_table.h).
// Threads: owned by the worker. Allocates in the constructor only.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "farspan/dataplane/flow/flow.h"

namespace farspan::dataplane {

/// Whose flow it is. Made of ids, which are never used again for another row (fib/ids.h).
class FlowOwner {
 public:
  enum class Kind : uint8_t { kOthers, kPort, kOffice, kLink };

  constexpr FlowOwner() = default;  // all that have no share of their own
  static constexpr FlowOwner of(PortId port) { return {Kind::kPort, port.value(), 0, 0}; }
  static constexpr FlowOwner of(TunnelId office) { return {Kind::kOffice, office.value(), 0, 0}; }
  /// Behind a link are many: its VRF and a few bits of the packet's source, which the other node
  /// has checked, tell them apart, and nobody there can be more than kGroups of them.
  /// @param source  host order
  static constexpr FlowOwner behind(TunnelId link, VrfId vrf, uint32_t source) {
    return {Kind::kLink, link.value(), vrf.value(), source * 0x9E3779B1u >> 26};
  }
  static constexpr uint32_t kGroups = 64;

  constexpr Kind kind() const { return static_cast<Kind>(bits_ >> 62); }
  constexpr uint32_t id() const { return static_cast<uint32_t>(bits_); }    ///< PortId or TunnelId
  constexpr uint32_t vrf() const { return bits_ >> 32 & 0xFFFFFF; }         ///< links only
  constexpr uint32_t group() const { return bits_ >> 56 & (kGroups - 1); }  ///< links only
  constexpr uint64_t bits() const { return bits_; }
  constexpr bool operator==(const FlowOwner&) const = default;

 private:
  constexpr FlowOwner(Kind kind, uint32_t id, uint32_t vrf, uint32_t group)
      : bits_(uint64_t{static_cast<uint8_t>(kind)} << 62 | uint64_t{group} << 56 |
              uint64_t{vrf & 0xFFFFFF} << 32 | id) {}
  uint64_t bits_ = 0;
};

/// What a share has had, for operators.
struct FlowShareRow {
  FlowOwner owner;
  uint32_t flows = 0, weak = 0;
  uint32_t opened_last_second = 0;
  uint64_t opened = 0;
  uint64_t refused = 0;  // new flows that got no entry
  uint64_t evicted = 0;  // flows that made room
};

class FlowShares {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kMaxShares = 1 << 14;

  /// @param flows  the table's entries, which live longer; @param capacity  how many
  FlowShares(Flow* flows, uint32_t capacity);

  /// The share of `owner`, made if there is room for one more; the one of all others if not.
  uint32_t find(FlowOwner owner) noexcept;
  /// Gives entry `place` to `share`, as a weak flow. @param second  of now, for the rate
  void add(uint32_t share, uint32_t place, int64_t second) noexcept;
  void remove(uint32_t place) noexcept;
  /// Puts entry `place` among the flows that are weak, or not, last.
  void set_weak(uint32_t place, bool is_weak) noexcept;

  /// Which entry goes so that `share` gets one more; kNone: it has its part, and counts a refusal.
  /// @pre the table is full
  uint32_t choose_victim(uint32_t share) noexcept;

  /// Copies the shares in use from `*cursor` (0 first) on, looking at a thousand places at most.
  /// @return rows filled; moves the cursor, kNone: that was the end
  size_t copy(uint32_t* cursor, std::span<FlowShareRow> rows, int64_t second) const noexcept;
  uint32_t in_use() const { return in_use_; }

 private:
  // A doubly linked list through Flow::share_next and share_previous.
  struct List {
    uint32_t first = kNone, last = kNone;
  };
  enum Rank : uint8_t { kByFlows, kByWeak, kRanks };
  struct Share {
    FlowOwner owner;
    uint32_t flows = 0, weak = 0;
    List weak_list, strong_list;
    std::array<uint32_t, kRanks> rank_next{kNone, kNone}, rank_previous{kNone, kNone};
    int64_t second = 0;
    uint32_t opened_now = 0, opened_before = 0;
    uint64_t opened = 0, refused = 0, evicted = 0;
  };
  static constexpr uint32_t kProbes = 8;       // places a share may stand in
  static constexpr uint32_t kRankProbes = 32;  // shares of one rank looked at for a large one
  static constexpr uint32_t kIdleProbes = 8;   // flows looked at for the longest idle

  void append(List& list, uint32_t place) noexcept;
  void unlink(List& list, uint32_t place) noexcept;
  List& list_of(Share& share, const Flow& flow) noexcept;
  void count(uint32_t share, int32_t flows, int32_t weak) noexcept;
  void rank(uint32_t share, Rank by, uint32_t before, uint32_t now) noexcept;
  uint32_t heaviest(Rank by, uint32_t except, uint32_t more_than) const noexcept;
  uint32_t longest_idle(List& list) noexcept;

  Flow* const flows_;
  const uint32_t capacity_;
  std::vector<Share> shares_;  // 0: all others; the rest is a hash table that forgets unused ones
  uint32_t in_use_ = 0;        // that hold flows
  std::array<std::array<uint32_t, 33>, kRanks> rank_first_;  // by bit width
  std::array<uint64_t, kRanks> rank_used_{};
};

}  // namespace farspan::dataplane
