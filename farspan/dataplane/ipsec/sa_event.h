// SPDX-License-Identifier: Apache-2.0
// SaEvent: what the worker has to tell charon about an SA or a tunnel; SaEventSink: where it puts
// it.
//
// Plain and of fixed size, so that it crosses from the worker to charon's thread in a ring.
// Charon's thread turns it into bytes with SadSession::encode().
#pragma once

#include <cstdint>

#include "farspan/dataplane/ipsec/outer_path.h"
#include "farspan/dataplane/ipsec/sa_usage.h"
#include "farspan/dataplane/ipsec/selector.h"

namespace farspan::ipsec {

struct SaEvent {
  enum class Kind : uint8_t {
    kSoftLimit,       // rekey now
    kHardLimit,       // the SA carries nothing more
    kMappingChanged,  // an authentic packet came from `remote`
    kAcquire,         // `flow` needs a tunnel that has a trap and no SA
  };
  Kind kind;
  bool is_inbound = false;
  uint32_t spi = 0;  // host order
  uint32_t tunnel = 0;
  uint32_t reqid = 0;  // kAcquire
  OuterPath path;      // of the SA as the worker knew it
  Endpoint remote;     // kMappingChanged: where the peer is now
  InnerFlow flow;      // kAcquire
};

/// @pre reached is a limit
inline SaEvent::Kind event_kind_of(SaUsage::Reached reached) {
  return reached == SaUsage::Reached::kHard ? SaEvent::Kind::kHardLimit : SaEvent::Kind::kSoftLimit;
}

/// What there is to tell about `sa`, before the particulars of its kind.
template <class Sa>
SaEvent event_about(const Sa& sa, bool is_inbound, SaEvent::Kind kind) {
  SaEvent event{};
  event.kind = kind;
  event.is_inbound = is_inbound;
  event.spi = sa.spi();
  event.tunnel = sa.tunnel();
  event.path = sa.path();
  return event;
}

/// A place to put events; false when it has no room (the event is raised again by a later packet).
struct SaEventSink {
  bool (*put)(void* to, const SaEvent& event) = nullptr;
  void* to = nullptr;
  bool operator()(const SaEvent& event) const { return put == nullptr || put(to, event); }
};

}  // namespace farspan::ipsec
