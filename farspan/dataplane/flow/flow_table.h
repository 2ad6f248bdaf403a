// SPDX-License-Identifier: Apache-2.0
// FlowTable: which flow does this packet belong to, and when is it forgotten?
//
// Entries have fixed places (shortcuts keep pointers to them, and see by a flow's serial whether it
// is still theirs). They are found through an open-addressing index of {hash, place}, at most a
// quarter full, linear probing, deletion by shifting back: one cache line for the index, one for
// the entry, and no tombstones that a flood could leave behind. The hash is keyed (flow_hash.h),
// because peers choose ports and addresses.
//
//   index_  |h,7|   |h,2|h,9|   |…   (8 bytes each, 4–8 × capacity)
//             └────────┐
//   flows_  |0|1|2|…|7|…             capacity entries of 128 bytes
//   wheel_  |slot 0|slot 1|…|1023|   one second each; lists of entries through the entries
//
// Ageing: touching a flow only writes its time; when the wheel comes to a flow that was used since,
// it is put where it would end now. Only a shorter timeout (a TCP connection that closes) moves a
// flow at once.
//
// Not here: decisions (pipeline/), copying flows for operators (control/flow_request.h).
// Threads: owned by the worker. Allocates in the constructor only.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "farspan/dataplane/flow/flow.h"
#include "farspan/dataplane/flow/flow_hash.h"

namespace farspan::dataplane {

/// Idle times.
struct FlowTimeouts {
  std::chrono::milliseconds tcp_established{910'000};
  std::chrono::milliseconds tcp_opening{30'000}, tcp_closing{30'000};
  std::chrono::milliseconds one_way{60'000}, answered{180'000};
  std::chrono::milliseconds icmp{30'000};
};

struct FlowHit {
  Flow* flow = nullptr;
  FlowDirection direction = FlowDirection::kOriginal;
  explicit operator bool() const { return flow != nullptr; }
};

class FlowTable {
 public:
  using Milliseconds =
      std::chrono::milliseconds;  // of a monotonic clock, its start does not matter

  /// @param capacity  flows at once, at least 1; 160 to 192 bytes each
  explicit FlowTable(uint32_t capacity, FlowHash hash = FlowHash::random(),
                     FlowTimeouts timeouts = {});
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  /// Where `key` stands in the index.
  uint32_t hash(const FlowKey& key) const noexcept;

  /// The flow of a packet with `key` and the packet's direction in it, or nothing.
  /// @param tcp_flags  of a TCP packet: a SYN that opens a connection anew where the last one
  /// closed finds
  ///                   nothing (the closed flow is forgotten, its pointer invalid), so the rules
  ///                   decide
  FlowHit find(const FlowKey& key, uint8_t tcp_flags = 0) noexcept;

  /// A new flow whose original direction is `key`'s; nullptr when the table is full
  /// (flow_table_full). Counts nothing: touch() it with the packet that made it.
  /// @pre find(key) found nothing
  Flow* create(const FlowKey& key, Milliseconds now) noexcept;

  /// Records that a packet passed: time, counters and, of TCP, what its flags say.
  void touch(const FlowHit& hit, Milliseconds now, uint8_t tcp_flags, uint32_t wire_packets,
             uint64_t bytes) noexcept;

  /// Another decision than before about `flow`: gives it a serial no flow has had.
  void renumber(Flow& flow) noexcept;

  /// Forgets `flow`, which becomes invalid.
  void erase(Flow* flow) noexcept;

  /// Forgets flows that were idle too long; call once per batch or at least once a second.
  /// @param budget  flows looked at, at most
  /// @return        flows forgotten
  uint32_t age(Milliseconds now, uint32_t budget) noexcept;

  /// Copies flows into `rows`, looking at `budget` entries at most. Starts at `*cursor` (0 first)
  /// and moves it; nullopt as the new cursor: that was the end. @return rows filled
  size_t copy(std::optional<uint32_t>* cursor, uint32_t budget,
              std::span<Flow> rows) const noexcept;

  uint32_t size() const { return size_; }
  uint32_t capacity() const { return capacity_; }

 private:
  struct Slot {
    uint32_t hash;
    uint32_t place;  // kNone: empty
  };
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kWheelSlots = 1024;  // × 1 s: longer than the longest timeout

  struct Release {
    void operator()(Flow* flows) const noexcept;
  };
  struct Canonical;
  uint32_t hash(const Canonical& canonical) const noexcept;
  uint32_t find_slot(const Canonical& canonical, uint32_t hash) const noexcept;
  Milliseconds timeout_of(const Flow& flow) const noexcept;
  void schedule(Flow& flow) noexcept;
  void unschedule(Flow& flow) noexcept;
  void follow_tcp(Flow& flow, FlowDirection direction, uint8_t tcp_flags) noexcept;

  const uint32_t capacity_;
  const FlowHash hash_;
  const FlowTimeouts timeouts_;
  uint32_t size_ = 0;
  uint32_t next_serial_ = 1;
  uint32_t index_mask_;
  std::vector<Slot> index_;
  std::unique_ptr<Flow, Release> flows_;  // capacity_ places; those from fresh_ on are raw memory
  uint32_t free_ = kNone;                 // list of entries that were used before
  uint32_t fresh_ = 0;                    // entries from here on were never used
  std::vector<uint32_t> wheel_;
  std::optional<int64_t> wheel_tick_;  // the second the wheel stands at
};

}  // namespace farspan::dataplane
