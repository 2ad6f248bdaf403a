// SPDX-License-Identifier: Apache-2.0
// Counters: what this node did with every packet; the law they obey is in pipeline/pipeline.h.
//
// One writer (the worker), many readers: a relaxed load and store, no locked instruction. All count
// packets on a wire, so a super-packet of 40 segments counts 40.
//
// Threads: add() and drop() on the worker that owns the object; reading anywhere.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "farspan/dataplane/drop_reason.h"

namespace farspan::dataplane {

/// A number that one thread counts up and others read.
class Count {
 public:
  void add(uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// clang-format off
//   enumerator     name                    what it counts
#define FARSPAN_COUNTERS(X) \
  X(kFromPort,    "packets.from_port")    /* frames that instances sent */ \
  X(kFromOffice,  "packets.from_office")  /* ESP packets of offices' tunnels */ \
  X(kFromLink,    "packets.from_link")    /* ESP packets of other nodes */ \
  X(kToPort,      "packets.to_port") \
  X(kToOffice,    "packets.to_office") \
  X(kToLink,      "packets.to_link") \
  X(kToIke,       "packets.to_ike")       /* IKE datagrams handed to charon */ \
  X(kFromIke,     "packets.from_ike")     /* IKE datagrams of charon */ \
  X(kAnswered,    "packets.answered")     /* of the node itself: echo, ICMP errors, ARP, probes of links */ \
  X(kConsumed,    "packets.consumed")     /* packets that ended here as they should */ \
  X(kFromUnderlay, "packets.from_underlay") /* from the underlay, but of no SA: IKE, keepalives, unknown SPIs */ \
  X(kToUnderlay,  "packets.to_underlay")  /* IKE datagrams sent */ \
  X(kFragmented,  "packets.fragmented")   /* fragments made, beyond the packets they were made of */ \
  X(kFlows,        "flows.now")           /* how many the table holds; these three are no packets */ \
  X(kFlowsLimit,   "flows.limit")         /* how many it can hold */ \
  X(kFlowsEvicted, "flows.evicted")       /* that made room for others, since the start */
// clang-format on

enum class Counter : uint8_t {
#define X(enumerator, name) enumerator,
  FARSPAN_COUNTERS(X)
#undef X
};

inline constexpr auto kCounterNames = std::to_array<std::string_view>({
#define X(enumerator, name) name,
    FARSPAN_COUNTERS(X)
#undef X
});

class NodeCounters {
 public:
  void add(Counter counter, uint64_t wire_packets = 1) noexcept {
    counts_[static_cast<size_t>(counter)].add(wire_packets);
  }
  void set(Counter counter, uint64_t value) noexcept {
    counts_[static_cast<size_t>(counter)].set(value);
  }
  void drop(DropReason reason, uint64_t wire_packets = 1) noexcept {
    drops_[static_cast<size_t>(reason)].add(wire_packets);
  }
  uint64_t value(Counter counter) const noexcept {
    return counts_[static_cast<size_t>(counter)].value();
  }
  uint64_t value(DropReason reason) const noexcept {
    return drops_[static_cast<size_t>(reason)].value();
  }

 private:
  alignas(64) std::array<Count, kCounterNames.size()> counts_;
  std::array<Count, kDropReasonCount> drops_;
};

/// Of one port or one tunnel; `in` is into this node. A row keeps its counters as long as it
/// exists.
struct alignas(64) InterfaceCounters {
  Count packets_in, bytes_in, packets_out, bytes_out;
};

}  // namespace farspan::dataplane
