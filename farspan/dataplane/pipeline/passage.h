// SPDX-License-Identifier: Apache-2.0
// Passage: one packet of a burst on its way through the stages, and what they found of it so far.
//
// Threads: the worker's.
#pragma once

#include "farspan/dataplane/flow/flow_table.h"
#include "farspan/dataplane/packet/super_packet.h"
#include "farspan/dataplane/pipeline/arrival.h"

namespace farspan::dataplane {

struct alignas(64) Passage {
  Arrival from;
  FlowQuery query;  // of what belongs to a flow of its own: neither fragments nor ICMP errors
  SuperPacket packet;
};

}  // namespace farspan::dataplane
