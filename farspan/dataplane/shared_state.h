// SPDX-License-Identifier: Apache-2.0
// SharedState: all that the worker and the two threads that talk have in common, and nothing else
// may be.
//
//   agent's thread  ──Published──▶ tables ───────────────▶ worker
//                   ◀──EventRing── dead ports ────────────
//                   ◀── counters (relaxed atomics), flows (FlowRequest)
//   charon's thread ──SadView────▶ SAs, an entry a time ─▶ worker
//                   ◀──EventRing── SA events ─────────────
//
// Threads: made before all start, outlives all.
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

struct DeadPort {
  PortId port;
  const UniqueFd* device;  // which one of the port's; for comparing only
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
  EventRing<ipsec::SaEvent> sa_events;
  EventRing<DeadPort> dead_ports;
  FlowRequest flow_request;
  UniqueFd wakeup;
  std::atomic<bool> is_stopping{false};
};

}  // namespace farspan::dataplane
