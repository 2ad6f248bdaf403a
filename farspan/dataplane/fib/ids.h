// SPDX-License-Identifier: Apache-2.0
// Ids and indices: how the data plane names VRFs, ports and tunnels.
//
// An id is what the agent calls a row, never used again for another one; an index is that row's
// place in the arrays of a Tables snapshot. A row keeps its index as long as it exists; afterwards
// another row may get it, so whatever is remembered by index is only good for the tables version it
// was learnt under.
#pragma once

#include <cstdint>

#include "farspan/base/strong_id.h"

namespace farspan::dataplane {

using VrfId = StrongId<struct VrfIdTag, uint32_t>;
/// What a flow's addresses are unique in: the Cen of a VRF, or the VRF itself. A flow between two
/// VRFs of one node is then one flow, and its answers are answers.
using FlowDomain = StrongId<struct FlowDomainTag, uint32_t>;
using PortId = StrongId<struct PortIdTag, uint32_t>;
using TunnelId = StrongId<struct TunnelIdTag, uint32_t>;  // if_id of charon; bit 31: a link

using VrfIndex = StrongId<struct VrfIndexTag, uint32_t>;
using PortIndex = StrongId<struct PortIndexTag, uint32_t>;
using TunnelIndex = StrongId<struct TunnelIndexTag, uint32_t>;

/// Counts the snapshots the data plane built since its start; 0 is never the version of one.
/// Not the agent's generation: a batch may repeat that.
using TablesVersion = StrongId<struct TablesVersionTag, uint32_t>;

/// Which of a VRF's two tables: packets from ports and links use the Vpc's, packets that an
/// office's tunnel brought in use the gateway's.
enum class TableKind : uint8_t { kVpc, kGateway };

}  // namespace farspan::dataplane
