// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/flow_request.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace farspan::dataplane {
namespace {

void signal(const UniqueFd& event) {
  const uint64_t one = 1;
  // fails only when it is readable anyway
  [[maybe_unused]] const ssize_t written = ::write(event.get(), &one, sizeof(one));
}

void clear(const UniqueFd& event) {
  uint64_t pending;
  [[maybe_unused]] const ssize_t got = ::read(event.get(), &pending, sizeof(pending));
}

Error unanswered() {
  return {ErrorCode::kUnavailable, "flows", "", "the worker does not answer", "try again"};
}

}  // namespace

FlowRequest::FlowRequest()
    : wakeup_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      done_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  FS_CHECK(wakeup_.valid() && done_.valid());
}

// 1. take the buffer back from an answer that came too late; 2. lend it; 3. wait; 4. take it back,
// or withdraw the request when the worker has not begun.
template <class Prepare>
Status FlowRequest::ask(Prepare prepare, std::chrono::milliseconds timeout) {
  State late = State::kDone;
  state_.compare_exchange_strong(late, State::kIdle, std::memory_order_acquire);
  if (state_.load(std::memory_order_acquire) != State::kIdle) return unanswered();
  clear(done_);
  prepare();
  filled_ = 0;
  state_.store(State::kLent, std::memory_order_release);
  signal(wakeup_);

  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (state_.load(std::memory_order_acquire) != State::kDone) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd wait{done_.get(), POLLIN, 0};
    if (left.count() > 0) {
      ::poll(&wait, 1, static_cast<int>(left.count()));
      continue;
    }
    State lent = State::kLent;
    state_.compare_exchange_strong(lent, State::kIdle, std::memory_order_acquire);
    if (lent != State::kDone) return unanswered();
  }
  state_.store(State::kIdle, std::memory_order_relaxed);
  return ok();
}

Result<FlowsCopy> FlowRequest::request(uint32_t limit, std::chrono::milliseconds timeout) {
  const auto prepare = [&] {
    is_of_shares_ = false;
    copy_.flows.resize(std::min(limit, kMaxFlows));
    cursor_ = 0;
  };
  if (const Status done = ask(prepare, timeout); !done) return done.error();
  copy_.flows.resize(filled_);
  return std::move(copy_);
}

Result<FlowSharesCopy> FlowRequest::request_shares(uint32_t limit,
                                                   std::chrono::milliseconds timeout) {
  const auto prepare = [&] {
    is_of_shares_ = true;
    shares_.resize(kMaxShares);
    share_cursor_ = 0;
  };
  if (const Status done = ask(prepare, timeout); !done) return done.error();
  const auto rows = std::span(shares_).first(filled_);
  const auto top = rows.first(std::min<size_t>(limit, rows.size()));
  const auto weight = [](const FlowShareRow& row) {
    return std::pair(std::max(row.flows, row.opened_last_second), row.opened);
  };
  std::ranges::partial_sort(rows, top.end(), std::ranges::greater(), weight);
  return FlowSharesCopy{{top.begin(), top.end()}, rows.size(), copy_.total, capacity_};
}

void FlowRequest::serve(const FlowTable& table, std::chrono::milliseconds now) noexcept {
  State state = State::kLent;
  if (state_.compare_exchange_strong(state, State::kFilling, std::memory_order_acquire)) {
    clear(wakeup_);
  } else if (state != State::kFilling) {
    clear(wakeup_);  // of a request that was withdrawn
    return;
  }
  if (!fill(table, now)) return;
  copy_.total = table.size();
  capacity_ = table.capacity();
  copy_.now = now;
  state_.store(State::kDone, std::memory_order_release);
  signal(done_);
}

// True when that was all.
bool FlowRequest::fill(const FlowTable& table, std::chrono::milliseconds now) noexcept {
  if (is_of_shares_) {
    filled_ += table.copy_shares(&share_cursor_, now, std::span(shares_).subspan(filled_));
    return share_cursor_ == FlowShares::kNone || filled_ == shares_.size();
  }
  filled_ += table.copy(&cursor_, kEntriesPerServe, std::span(copy_.flows).subspan(filled_));
  return !cursor_ || filled_ == copy_.flows.size();
}

}  // namespace farspan::dataplane
