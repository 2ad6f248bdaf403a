// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/read_routes.h"

#include <algorithm>
#include <map>
#include <optional>

#include "farspan/dataplane/control/row_values.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {
namespace {

bool is_before(const RouteChange& a, const RouteChange& b) { return a.place() < b.place(); }

class RouteReader {
 public:
  explicit RouteReader(Intent& intent) : intent_(intent) {}

  Status read(const v1::TablesBatch& batch) {
    std::vector<RouteChange>& changes = intent_.routes;
    changes.reserve(static_cast<size_t>(batch.removed_routes_size() + batch.routes_size()));
    for (const v1::RouteKey& row : batch.removed_routes()) {
      Result<RouteChange> removal = route_change(row);
      if (!removal) return removal.error();
      changes.push_back(*removal);
    }
    for (const v1::Route& row : batch.routes()) {
      Result<RouteChange> route = route_change(row.key());
      if (!route) return route.error();
      Result<Adjacency> adjacency = adjacency_of(*route, row.next_hop());
      if (!adjacency) return adjacency.error();
      route->after = *adjacency;
      changes.push_back(*route);
    }
    if (Status status = sort_routes(); !status) return status;
    compare_routes();
    if (batch.is_snapshot()) remove_other_routes();
    std::erase_if(changes, [](const RouteChange& change) { return change.before == change.after; });
    return ok();
  }

 private:
  // By place and each once: what a batch removes and has is not removed.
  Status sort_routes() {
    std::vector<RouteChange>& changes = intent_.routes;
    if (!std::is_sorted(changes.begin(), changes.end(), is_before))
      std::stable_sort(changes.begin(), changes.end(), is_before);
    size_t kept = 0;
    for (const RouteChange& change : changes) {
      if (kept > 0 && changes[kept - 1].place() == change.place()) {
        if (changes[kept - 1].after.kind != AdjacencyKind::kNone)
          return comes_twice(name_of(change));
        --kept;
      }
      changes[kept++] = change;
    }
    changes.resize(kept);
    return ok();
  }

  // Says what there was before.
  void compare_routes() {
    for (RouteChange& change : intent_.routes) {
      const auto table = intent_.tables.find({change.vrf, change.kind});
      if (table != intent_.tables.end()) change.before = table->second.find(change.key);
      if (change.before.kind != AdjacencyKind::kNone) ++found_[{change.vrf, change.kind}];
    }
  }

  void remove_other_routes() {
    std::vector<RouteChange>& changes = intent_.routes;
    const auto named = static_cast<std::ptrdiff_t>(changes.size());
    for (const auto& [owner, table] : intent_.tables) {
      if (table.size() == found_[owner]) continue;
      table.for_each([&, &owner = owner](const RouteKey& key, Adjacency adjacency) {
        const RouteChange removal{owner.first, owner.second, key, adjacency, Adjacency::none()};
        if (!std::binary_search(changes.begin(), changes.begin() + named, removal, is_before))
          changes.push_back(removal);
      });
    }
    std::sort(changes.begin() + named, changes.end(), is_before);
    std::inplace_merge(changes.begin(), changes.begin() + named, changes.end(), is_before);
  }

  // Where a route leads; the ports and tunnels of the batch have been read.
  Result<Adjacency> adjacency_of(const RouteChange& route, const v1::NextHop& hop) const {
    if (intent_.vrfs.find(route.vrf) == nullptr)
      return missing_row(name_of(route), "vrf", to_string(route.vrf));
    switch (hop.to_case()) {
      case v1::NextHop::kPort: {
        const PortRow* port = intent_.ports.find(PortId(hop.port()));
        if (port == nullptr)
          return missing_row(name_of(route), "next_hop.port", std::to_string(hop.port()));
        return Adjacency::to_port(PortIndex(port->index));
      }
      case v1::NextHop::kRouter:
        return Adjacency::to_router();
      case v1::NextHop::kUnreachable:
        return Adjacency::unreachable();
      case v1::NextHop::kTunnel:
        return adjacency_of(route, hop.tunnel());
      case v1::NextHop::TO_NOT_SET:
        break;
    }
    return row_error(name_of(route), "next_hop", "is missing", "say where the route points");
  }

  Result<Adjacency> adjacency_of(const RouteChange& route, const v1::ToTunnel& hop) const {
    const char* const field = "next_hop.tunnel.label";
    const TunnelId id(hop.tunnel());
    if (hop.has_label() && !is_label(hop.label()))
      return label_out_of_range(name_of(route), field, hop.label());
    const TunnelRow* tunnel = intent_.tunnels.find(id);
    if (tunnel == nullptr) return missing_row(name_of(route), "next_hop.tunnel", to_string(id));
    if (tunnel->is_link && !hop.has_label())
      return row_error(name_of(route), field, label_is_missing(id), kSendMissing);
    if (!tunnel->is_link && hop.has_label()) {
      return row_error(name_of(route), field, label_has_no_meaning(hop.label(), id), kSendMissing);
    }
    return Adjacency::to_tunnel(TunnelIndex(tunnel->index), hop.label());
  }

  static std::string name_of(const RouteChange& route) {
    return row_name(route.vrf, route.kind, route.key);
  }

  static Result<RouteChange> route_change(const v1::RouteKey& row) {
    const auto name = [&] {
      return "route vrf " + std::to_string(row.vrf()) + " to " + quoted(row.destination());
    };
    if (row.table() != v1::TABLE_KIND_VPC && row.table() != v1::TABLE_KIND_GATEWAY)
      return row_error(name(), "table", std::to_string(row.table()) + " is no kind of table");
    const auto destination = prefix_of(row.destination());
    if (!destination)
      return row_error(name(), "destination", quoted(row.destination()) + " is no IPv4 prefix");
    RouteChange change;
    change.vrf = VrfId(row.vrf());
    change.kind = static_cast<TableKind>(row.table());
    change.key.destination = *destination;
    if (row.source().empty()) return change;
    change.key.source = prefix_of(row.source());
    if (!change.key.source)
      return row_error(name(), "source", quoted(row.source()) + " is no IPv4 prefix");
    return change;
  }

  Intent& intent_;
  std::map<std::pair<VrfId, TableKind>, size_t> found_;  // routes of the batch that were there
};

}  // namespace

Status read_routes(const v1::TablesBatch& batch, Intent& intent) {
  return RouteReader(intent).read(batch);
}

}  // namespace farspan::dataplane
