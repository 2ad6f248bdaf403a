// SPDX-License-Identifier: Apache-2.0
// References: who names whom among the rows, so that a batch is checked by its own rows.
//
// Counts and keys only; the rows are in Intent. What is counted for a row once must be taken back
// with the same row.
//
// Threads: the one that makes tables.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "farspan/dataplane/fib/adjacency.h"

namespace farspan::dataplane {

struct VrfRow;
struct PortRow;
struct TunnelRow;

/// Routes that lead to a port or a tunnel.
struct RouteCounts {
  uint32_t with_label = 0, without_label = 0;
  uint32_t all() const { return with_label + without_label; }
};

class References {
 public:
  enum class Way : uint8_t { kCount, kTakeBack };

  void vrf(VrfId id, const VrfRow& row, Way way);
  void port(PortId id, const PortRow& row, Way way);
  void tunnel(const TunnelRow& row, Way way);
  void route(VrfId vrf, const Adjacency& adjacency, Way way);

  /// Another VRF that has this label; `id` when there is none.
  VrfId other_with_label(uint32_t label, VrfId id) const;
  /// Another port of the VRF that has this address; `id` when there is none.
  PortId other_with_address(VrfId vrf, uint32_t address, PortId id) const;
  const std::set<PortId>& ports_of_group(uint32_t group) const;
  /// Ports, tunnels and routes that name the VRF.
  uint32_t of_vrf(VrfId id) const;
  RouteCounts to_port(uint32_t index) const;
  RouteCounts to_tunnel(uint32_t index) const;
  /// Tunnels that are declared for this address of the underlay.
  uint32_t of_remote(uint32_t address) const;

 private:
  void name_vrf(VrfId vrf, Way way);

  std::set<std::pair<uint32_t, VrfId>> labels_;
  std::set<std::tuple<VrfId, uint32_t, PortId>> addresses_;
  std::map<uint32_t, std::set<PortId>> ports_of_group_;
  std::unordered_map<VrfId, uint32_t> of_vrf_;
  std::unordered_map<uint32_t, uint32_t> of_remote_;
  std::vector<RouteCounts> to_port_, to_tunnel_;  // by place
};

}  // namespace farspan::dataplane
