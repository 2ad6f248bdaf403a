// SPDX-License-Identifier: Apache-2.0
// Tables: everything the packet path looks up, as one immutable snapshot.
//
// A worker acquires one snapshot per batch (published.h), so no packet sees half a change. Rows
// stand in arrays by index (fib/ids.h); a place whose row went away is vacant until another row
// takes it. Snapshots share what is the same in both.
//
//   Ingress ─▶ ports[] / tunnels[] / label ─▶ vrfs[] ─▶ fib ─▶ Adjacency ─▶ ports[] / tunnels[]
//
// The TAP descriptor and the counters are shared with the snapshots before and after: a worker that
// copies `tap` keeps the device open as long as it needs it.
//
// Not here: how a batch becomes a snapshot (table_builder.h), SAs (ipsec/).
// Threads: made by the agent's thread, read by workers.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "farspan/base/shared_array.h"
#include "farspan/base/unique_fd.h"
#include "farspan/dataplane/control/change_log.h"
#include "farspan/dataplane/control/counters.h"
#include "farspan/dataplane/control/id_index.h"
#include "farspan/dataplane/control/tunnel_bounds.h"
#include "farspan/dataplane/fib/fib.h"
#include "farspan/dataplane/flow/flow.h"
#include "farspan/dataplane/path/tunnel_path.h"
#include "farspan/dataplane/policy/rule_set.h"

namespace farspan::dataplane {

struct VrfEntry {
  bool is_vacant = true;
  VrfId id;
  uint32_t router = 0;  // host order; source of this VRF's ICMP errors; 0: it has no vSwitch
  uint32_t label = 0;
  FlowDomain domain;
};

struct PortEntry {
  bool is_vacant = true;
  TablesVersion judged_anew;  // since when packets that come from here or go here are judged so
  PortId id;
  VrfIndex vrf;
  uint32_t address = 0;          // the instance's only source address; host order, as all here
  std::array<uint8_t, 6> mac{};  // of the instance's end
  uint16_t mtu = 1500;
  std::shared_ptr<const RuleSet> rules;         // never null in a row
  std::shared_ptr<InterfaceCounters> counters;  // never null in a row
  std::shared_ptr<const UniqueFd> tap;          // null: port_down
};

struct TunnelEntry {
  bool is_vacant = true;
  TablesVersion judged_anew;  // as of a port
  TunnelId id;
  bool is_link = false;
  VrfIndex vrf;  // of what an office's tunnel decrypts; on links the label says
  std::shared_ptr<InterfaceCounters> counters;  // never null in a row
  std::shared_ptr<TunnelPath> path;             // never null in a row
  std::shared_ptr<const TunnelBounds> bounds;   // never null in a row
  uint16_t mtu = TunnelPath::kMost;             // of outer packets, as declared
};

struct Tables {
  TablesVersion version;             // grows by one with every snapshot
  uint64_t generation = 0;           // the agent's; 0: nothing was programmed since the start
  SharedArray<VrfEntry> vrfs;        // by VrfIndex
  SharedArray<PortEntry> ports;      // by PortIndex
  SharedArray<TunnelEntry> tunnels;  // by TunnelIndex
  Fib fib;
  IdIndex<VrfIndex> vrf_by_label;
  IdIndex<TunnelIndex> tunnel_by_id;
  IdIndex<bool> declared_peers;  // addresses of the underlay; each is there
  ChangeLog changes;
  uint32_t changed_mtus = 0;  // how often one that was declared became another

  const VrfEntry& at(VrfIndex vrf) const { return vrfs[vrf.value()]; }
  const PortEntry& at(PortIndex port) const { return ports[port.value()]; }
  const TunnelEntry& at(TunnelIndex tunnel) const { return tunnels[tunnel.value()]; }

  /// The VRF of packets that come over a link with `label`; nothing: unknown_label.
  std::optional<VrfIndex> find_label(uint32_t label) const { return vrf_by_label.find(label); }
  /// The tunnel charon's SAs of `id` belong to; nothing when the agent has not programmed it.
  std::optional<TunnelIndex> find_tunnel(TunnelId id) const {
    return tunnel_by_id.find(id.value());
  }

  /// Whether a tunnel is declared for this address of the underlay: its IKE is no stranger's.
  bool is_declared_peer(uint32_t address) const {
    return address != 0 && declared_peers.find(address).has_value();
  }

  /// Whether packets of `key` would be judged as they were when they were given their way, which
  /// may have been by older tables.
  bool still_hold(const FlowWay& way, const FlowKey& key) const {
    const TablesVersion decided = way.version;
    if (decided == TablesVersion{}) return false;
    const Ingress from = way.ingress;
    if (is_after(from.is_port() ? at(from.port()).judged_anew : at(from.tunnel()).judged_anew,
                 decided))
      return false;
    const Adjacency& next = way.adjacency;
    VrfIndex led_into(UINT32_MAX);
    if (next.kind == AdjacencyKind::kPort) {
      if (is_after(at(next.port()).judged_anew, decided)) return false;
      led_into = at(next.port()).vrf;
    } else if (next.kind == AdjacencyKind::kTunnel) {
      if (is_after(at(next.tunnel()).judged_anew, decided)) return false;
      if (!next.has_label()) led_into = at(next.tunnel()).vrf;
    }
    return !changes.touches_since(decided, {key.domain, key.source, key.destination, led_into});
  }
};

}  // namespace farspan::dataplane
