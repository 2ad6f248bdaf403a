// SPDX-License-Identifier: Apache-2.0
// SharedState: all that the control thread and the worker have in common, and nothing else may be.
//
//   control ──Published──▶ tables               ──▶ worker
//   control ──SadView────▶ SAs, an entry a time ──▶ worker
//   control ◀──EventRing── SA events, dead ports ──  worker
//   control ◀── counters (relaxed atomics), flows (FlowRequest)
//
// Threads: made before both start, outlives both.
#pragma once

#include <sys/eventfd.h>

#include <memory>

#include "farspan/dataplane/control/counters.h"
#include "farspan/dataplane/control/event_ring.h"
#include "farspan/dataplane/control/flow_request.h"
#include "farspan/dataplane/control/published.h"
#include "farspan/dataplane/control/tables.h"
#include "farspan/dataplane/ipsec/sa_event.h"

namespace farspan::dataplane {

struct WorkerEvent {
  enum class Kind : uint8_t { kSa, kPortDied };
  Kind kind;
  ipsec::SaEvent sa;       // kSa
  PortId port;             // kPortDied
  const UniqueFd* device;  // kPortDied: which one of the port's; for comparing only
};

struct SharedState {
  explicit SharedState(std::unique_ptr<const Tables> first_tables)
      : tables(std::move(first_tables)), wakeup(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    FS_CHECK(wakeup.valid());
  }

  /// Makes the worker look at what was published, or at `is_stopping`.
  void wake_worker() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wakeup.get(), &one, sizeof one);
  }

  Published<Tables> tables;
  NodeCounters counters;
  EventRing<WorkerEvent> events;
  FlowRequest flow_request;
  UniqueFd wakeup;
  std::atomic<bool> is_stopping{false};
};

}  // namespace farspan::dataplane
