// SPDX-License-Identifier: Apache-2.0
// SharedState: all that the control thread and the worker have in common, and nothing else may be.
//
//   control ──Published──▶ tables, SAs          ──▶ worker
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
#include "farspan/dataplane/ipsec/sad_view.h"

namespace farspan::dataplane {

struct WorkerEvent {
  enum class Kind : uint8_t { kSa, kPortDied };
  Kind kind;
  ipsec::SaEvent sa;       // kSa
  PortId port;             // kPortDied
  const UniqueFd* device;  // kPortDied: which one of the port's; for comparing only
};

/// What is published: the view is shared because the Sad keeps the last one it made.
using SadSnapshot = std::shared_ptr<const ipsec::SadView>;

struct SharedState {
  SharedState(std::unique_ptr<const Tables> first_tables, SadSnapshot first_sad)
      : tables(std::move(first_tables)),
        sad(std::make_unique<const SadSnapshot>(std::move(first_sad))),
        wakeup(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    FS_CHECK(wakeup.valid());
  }

  /// Makes the worker look at what was published, or at `is_stopping`.
  void wake_worker() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wakeup.get(), &one, sizeof one);
  }

  Published<Tables> tables;
  Published<SadSnapshot> sad;
  NodeCounters counters;
  EventRing<WorkerEvent> events;
  FlowRequest flow_request;
  UniqueFd wakeup;
  std::atomic<bool> is_stopping{false};
};

}  // namespace farspan::dataplane
