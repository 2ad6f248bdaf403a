// SPDX-License-Identifier: Apache-2.0
// FlowRequest: how the agent's thread gets a copy of the worker's flows, or of who holds how many,
// without stopping it.
//
// The agent's thread lends a buffer; the worker fills it a few thousand entries at a time between
// its batches and hands it back. Who owns the buffer is one atomic state, so a worker that does not
// answer can be given up on without either side touching the other's memory.
//
//   kIdle ──request()──▶ kLent ──serve()──▶ kFilling ──…──▶ kDone ──▶ kIdle
//                          └── time is up, and the worker has not begun ──▶ kIdle
//
// Threads: request() on the agent's thread; serve() on the worker, which has wakeup_fd() in its
// epoll.
#pragma once

#include <atomic>
#include <chrono>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"
#include "farspan/dataplane/flow/flow_table.h"

namespace farspan::dataplane {

/// Who holds how many flows.
struct FlowSharesCopy {
  std::vector<FlowShareRow> top;  // those who hold or open most, first
  size_t shares = 0;              // in all
  uint64_t flows = 0, capacity = 0;
};

struct FlowsCopy {
  std::vector<Flow> flows;
  uint64_t total = 0;                // in the table, also those beyond the limit
  std::chrono::milliseconds now{0};  // of the worker's clock, for ages
};

class FlowRequest {
 public:
  static constexpr uint32_t kMaxFlows = 65536;
  static constexpr uint32_t kMaxShares = FlowShares::kMaxShares + 1;

  FlowRequest();

  /// Waits until the worker copied `limit` flows at most; kUnavailable when it does not within
  /// `timeout`.
  Result<FlowsCopy> request(uint32_t limit, std::chrono::milliseconds timeout);
  /// The same of the `limit` largest shares.
  Result<FlowSharesCopy> request_shares(uint32_t limit, std::chrono::milliseconds timeout);

  /// Readable when a request waits; for the worker's epoll. serve() makes it unreadable.
  int wakeup_fd() const { return wakeup_.get(); }
  /// True while the worker should call serve() after every batch, and not sleep before it did.
  bool is_waiting() const noexcept {
    const State state = state_.load(std::memory_order_relaxed);
    return state == State::kLent || state == State::kFilling;
  }
  /// Does the next few thousand entries of a request, if there is one.
  void serve(const FlowTable& table, std::chrono::milliseconds now) noexcept;

 private:
  enum class State : uint32_t { kIdle, kLent, kFilling, kDone };
  static constexpr uint32_t kEntriesPerServe = 4096;

  /// Has the worker do what was prepared by `prepare`, in kIdle.
  template <class Prepare>
  Status ask(Prepare prepare, std::chrono::milliseconds timeout);
  bool fill(const FlowTable& table, std::chrono::milliseconds now) noexcept;

  std::atomic<State> state_{State::kIdle};
  UniqueFd wakeup_, done_;
  // of the agent's thread in kIdle and kDone, of the worker in kLent and kFilling
  bool is_of_shares_ = false;
  FlowsCopy copy_;
  std::vector<FlowShareRow> shares_;
  uint32_t share_cursor_ = 0;
  uint64_t capacity_ = 0;
  size_t filled_ = 0;
  std::optional<uint32_t> cursor_;
};

}  // namespace farspan::dataplane
