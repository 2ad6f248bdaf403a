// SPDX-License-Identifier: Apache-2.0
// Adjacency: where a packet goes next, resolved to a port or a tunnel of this node.
//
// Eight bytes, copied into flow entries and into the leaves of the FIB.
//
// Not here: how it is found (fib.h), what stands behind an index (control/tables.h).
#pragma once

#include <bit>
#include <type_traits>

#include "farspan/dataplane/fib/ids.h"

namespace farspan::dataplane {

enum class AdjacencyKind : uint8_t {
  kNone,         // no route covers the destination: drop no_route
  kPort,         // the instance's port
  kRouter,       // the VRF's own address: the node answers
  kTunnel,       // an office's tunnel, or a link with the label of the VRF over there
  kUnreachable,  // inside a vSwitch, where no instance has the address: ICMP host unreachable
};

struct Adjacency {
  uint32_t index = 0;       // PortIndex or TunnelIndex
  uint32_t label : 24 = 0;  // links only; 0 means none, which RFC 3032 §2.1 reserves
  AdjacencyKind kind : 8 = AdjacencyKind::kNone;

  static constexpr Adjacency none() { return {}; }
  static constexpr Adjacency to_port(PortIndex port) {
    return {port.value(), 0, AdjacencyKind::kPort};
  }
  static constexpr Adjacency to_router() { return {0, 0, AdjacencyKind::kRouter}; }
  static constexpr Adjacency to_tunnel(TunnelIndex tunnel, uint32_t label = 0) {
    return {tunnel.value(), label & 0xFFFFFF, AdjacencyKind::kTunnel};
  }
  static constexpr Adjacency unreachable() { return {0, 0, AdjacencyKind::kUnreachable}; }

  constexpr PortIndex port() const { return PortIndex(index); }        ///< @pre kind == kPort
  constexpr TunnelIndex tunnel() const { return TunnelIndex(index); }  ///< @pre kind == kTunnel
  constexpr bool has_label() const { return label != 0; }

  friend constexpr bool operator==(const Adjacency& a, const Adjacency& b) {
    return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
  }
};
static_assert(sizeof(Adjacency) == 8 && std::is_trivially_copyable_v<Adjacency>);

}  // namespace farspan::dataplane
