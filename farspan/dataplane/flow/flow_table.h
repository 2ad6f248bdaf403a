// SPDX-License-Identifier: Apache-2.0
// FlowTable: which flow does this packet belong to, and when is it forgotten?
//
// Entries have fixed places. They are found through an open-addressing index of {hash, place}, at
// most a quarter full, linear probing, deletion by shifting back: one cache line for the index, one
// for the entry, and no tombstones that a flood could leave behind. The hash is keyed
// (flow_hash.h), because peers choose ports and addresses.
//
//   index_  |h,7|   |h,2|h,9|   |…   (8 bytes each, 4–8 × capacity)
//             └────────┐
//   flows_  |0|1|2|…|7|…             capacity entries of 256 bytes
//   wheel_  |slot 0|slot 1|…|1023|   one second each; lists of entries through the entries
//
// Ageing: touching a flow only writes its time; when the wheel comes to a flow that was used since,
// it is put where it would end now. Only a shorter timeout (a TCP connection that closes) moves a
// flow at once.
//
// A full table makes room by the rules of flow_shares.h.
//
// Not here: decisions (pipeline/), which TCP segments fit (tcp_track.h), copying flows for
// operators (control/flow_request.h). Threads: owned by the worker. Allocates in the constructor
// only.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "farspan/dataplane/flow/flow.h"
#include "farspan/dataplane/flow/flow_hash.h"
#include "farspan/dataplane/flow/flow_shares.h"

namespace farspan::dataplane {

/// Idle times: no shorter than RFC 5382 §5 (TCP), 4787 §4.3 (UDP) and 5508 §3.2 (ICMP) want them.
struct FlowTimeouts {
  std::chrono::milliseconds tcp_established{7'440'000};
  std::chrono::milliseconds tcp_opening{240'000}, tcp_closing{240'000};
  std::chrono::milliseconds one_way{120'000}, answered{180'000};
  std::chrono::milliseconds icmp{60'000};
};

struct FlowHit {
  Flow* flow = nullptr;
  FlowDirection direction = FlowDirection::kOriginal;
  explicit operator bool() const { return flow != nullptr; }
};

/// What is asked of the table: a key with its lower end first, so that both directions have one,
/// and its hash. Made once per packet (FlowTable::query()).
struct FlowQuery {
  uint64_t low = 0, high = 0;  // address << 16 | port
  FlowDomain domain;
  uint8_t protocol = 0;
  uint8_t source_end = 0;  // which end the packet came from
  uint32_t hash = 0;
};

class FlowTable {
 public:
  using Milliseconds =
      std::chrono::milliseconds;  // of a monotonic clock, its start does not matter

  /// @param capacity  flows at once, at least 1; 288 to 320 bytes each
  explicit FlowTable(uint32_t capacity, FlowHash hash = FlowHash::random(),
                     FlowTimeouts timeouts = {});
  ~FlowTable();
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  FlowQuery query(const FlowKey& key) const noexcept;

  /// Ask the cache, for many packets together and one step at a time, for what find() will read and
  /// what passing on will write. @return the flow that find() will most likely find; null: none is
  /// in sight
  void prefetch(const FlowQuery& query) const noexcept {
    __builtin_prefetch(&index_[query.hash & index_mask_]);
  }
  const Flow* prefetch_flow(const FlowQuery& query) const noexcept;

  /// The flow of a packet and the packet's direction in it, or nothing.
  /// @param tcp_flags  of a TCP packet: a SYN that opens a connection anew where the last one
  /// closed finds
  ///                   nothing (the closed flow is forgotten, its pointer invalid), so the rules
  ///                   decide
  FlowHit find(const FlowQuery& query, uint8_t tcp_flags = 0) noexcept;
  FlowHit find(const FlowKey& key, uint8_t tcp_flags = 0) noexcept {
    return find(query(key), tcp_flags);
  }

  /// A new flow of `owner`, whose original direction is the query's; nullptr when the table is full
  /// and the owner has its share of it (flow_table_full). In a full table another flow may have to
  /// go, which becomes invalid. Counts nothing: touch() it with the packet that made it.
  /// @pre find(query) found nothing
  Flow* create(const FlowQuery& query, Milliseconds now, FlowOwner owner = {}) noexcept;
  Flow* create(const FlowKey& key, Milliseconds now, FlowOwner owner = {}) noexcept {
    return create(query(key), now, owner);
  }

  /// Says why a TCP segment does not belong to its flow; nothing when it may pass, and then the
  /// flow's state follows it.
  /// @param was_moved  the flow was decided anew: a segment that does not fit begins to be followed
  ///                   again, for its connection may have gone other ways meanwhile
  std::optional<DropReason> follow(const FlowHit& hit, const TcpSegment& segment,
                                   bool was_moved = false) noexcept;

  /// Records that a packet passed: time and counters.
  void touch(const FlowHit& hit, Milliseconds now, uint32_t wire_packets, uint64_t bytes) noexcept;

  /// Forgets `flow`, which becomes invalid.
  void erase(Flow* flow) noexcept;

  /// Forgets flows that were idle too long; call once per batch or at least once a second.
  /// @param budget  flows looked at, at most
  /// @return        flows forgotten
  uint32_t age(Milliseconds now, uint32_t budget) noexcept;
  /// Whether age() has more to do at `now`.
  bool is_late(Milliseconds now) const noexcept {
    return wheel_tick_ && *wheel_tick_ < now.count() / kTickMilliseconds;
  }

  /// Copies flows into `rows`, looking at `budget` entries at most. Starts at `*cursor` (0 first)
  /// and moves it; nullopt as the new cursor: that was the end. @return rows filled
  size_t copy(std::optional<uint32_t>* cursor, uint32_t budget,
              std::span<Flow> rows) const noexcept;

  /// Copies shares as FlowShares::copy does.
  size_t copy_shares(uint32_t* cursor, Milliseconds now,
                     std::span<FlowShareRow> rows) const noexcept {
    return shares_.copy(cursor, rows, now.count() / kTickMilliseconds);
  }

  uint32_t size() const { return size_; }
  uint32_t capacity() const { return capacity_; }
  const FlowShares& shares() const { return shares_; }
  /// Flows that made room for others, ever.
  uint64_t evicted() const { return evicted_; }

 private:
  struct Slot {
    uint32_t hash;
    uint32_t place;  // kNone: empty
  };
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr int64_t kTickMilliseconds = 1000;
  static constexpr uint32_t kWheelSlots =
      1024;  // flows that may live longer are looked at on the way

  struct Release {
    void operator()(Flow* flows) const noexcept;
  };
  uint32_t place_of(const Flow& flow) const noexcept {
    return static_cast<uint32_t>(&flow - flows_.get());
  }
  uint32_t hash_of(const FlowQuery& query) const noexcept;
  uint32_t find_slot(const FlowQuery& query) const noexcept;
  Milliseconds timeout_of(const Flow& flow) const noexcept;
  void schedule(Flow& flow) noexcept;
  void unschedule(Flow& flow) noexcept;
  void close(Flow& flow) noexcept;
  void advance(Flow& flow, FlowDirection direction, const TcpSegment& segment) noexcept;

  const uint32_t capacity_;
  const FlowHash hash_;
  const FlowTimeouts timeouts_;
  uint32_t size_ = 0;
  uint32_t index_mask_;
  std::vector<Slot> index_;
  std::unique_ptr<Flow, Release> flows_;  // capacity_ places; those from fresh_ on are raw memory
  FlowShares shares_;
  uint64_t evicted_ = 0;
  uint32_t free_ = kNone;  // list of entries that were used before
  uint32_t fresh_ = 0;     // entries from here on were never used
  std::vector<uint32_t> wheel_;
  std::optional<int64_t> wheel_tick_;  // the second the wheel stands at
};

}  // namespace farspan::dataplane
