// SPDX-License-Identifier: Apache-2.0
// Arrival: where a packet came into this node, and what follows from that.
#pragma once

#include "farspan/dataplane/flow/flow.h"

namespace farspan::ipsec {
class InboundSa;
}

namespace farspan::dataplane {

struct Arrival {
  Ingress ingress;
  VrfIndex vrf;
  const ipsec::InboundSa* sa = nullptr;  // of tunnels
  TableKind table = TableKind::kVpc;     // kGateway: out of an office's tunnel
  bool is_own = false;  // sent by this node itself, in answer: keeps its TTL, and no error is
                        // reported about it
};

}  // namespace farspan::dataplane
