// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/intent.h"

namespace farspan::dataplane {
namespace {

using Way = References::Way;

}  // namespace

void Intent::count_batch() { count_batch(Way::kTakeBack, Way::kCount); }

void Intent::count_batch(Way before, Way after) {
  // what is taken back goes first: two rows may have exchanged a label
  const auto each = [](const auto& rows, Way way_before, Way way_after, auto count) {
    for (const Way way : {Way::kTakeBack, Way::kCount}) {
      for (const auto& [id, row] : rows.before()) {
        if (row && way_before == way) count(id, *row, way);
        if (const auto* now = rows.find(id); now != nullptr && way_after == way)
          count(id, *now, way);
      }
    }
  };
  each(vrfs, before, after,
       [&](VrfId id, const VrfRow& row, Way way) { references.vrf(id, row, way); });
  each(ports, before, after,
       [&](PortId id, const PortRow& row, Way way) { references.port(id, row, way); });
  each(tunnels, before, after,
       [&](TunnelId, const TunnelRow& row, Way way) { references.tunnel(row, way); });
  for (const RouteChange& route : routes) {
    references.route(route.vrf, route.before, before);
    references.route(route.vrf, route.after, after);
  }
}

void Intent::commit() {
  for (auto change = routes.begin(); change != routes.end();) {
    const std::pair owner(change->vrf, change->kind);
    RouteTable& table = tables[owner];
    for (; change != routes.end() && owner == std::pair(change->vrf, change->kind); ++change)
      table.set(change->key, change->after);
    if (table.size() == 0) tables.erase(owner);
  }
  routes = {};
  vrfs.commit();
  groups.commit();
  ports.commit();
  tunnels.commit();
}

void Intent::undo(bool is_counted) {
  if (is_counted) count_batch(Way::kCount, Way::kTakeBack);
  routes = {};
  vrfs.undo();
  groups.undo();
  ports.undo();
  tunnels.undo();
}

}  // namespace farspan::dataplane
