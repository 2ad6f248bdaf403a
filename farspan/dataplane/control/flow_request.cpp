// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/flow_request.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>

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
Result<FlowsCopy> FlowRequest::request(uint32_t limit, std::chrono::milliseconds timeout) {
  State late = State::kDone;
  state_.compare_exchange_strong(late, State::kIdle, std::memory_order_acquire);
  if (state_.load(std::memory_order_acquire) != State::kIdle) return unanswered();
  clear(done_);
  copy_.flows.resize(std::min(limit, kMaxFlows));
  filled_ = 0;
  cursor_ = 0;
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
  copy_.flows.resize(filled_);
  return std::move(copy_);
}

void FlowRequest::serve(const FlowTable& table, std::chrono::milliseconds now) noexcept {
  State state = State::kLent;
  if (state_.compare_exchange_strong(state, State::kFilling, std::memory_order_acquire)) {
    clear(wakeup_);
  } else if (state != State::kFilling) {
    clear(wakeup_);  // of a request that was withdrawn
    return;
  }
  filled_ += table.copy(&cursor_, kEntriesPerServe, std::span(copy_.flows).subspan(filled_));
  if (cursor_ && filled_ < copy_.flows.size()) return;
  copy_.total = table.size();
  copy_.now = now;
  state_.store(State::kDone, std::memory_order_release);
  signal(done_);
}

}  // namespace farspan::dataplane
