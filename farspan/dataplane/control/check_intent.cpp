// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/check_intent.h"

#include <algorithm>
#include <optional>

#include "farspan/dataplane/control/row_error.h"

namespace farspan::dataplane {
namespace {

Status check_labels(const Intent& intent) {
  for (const auto& [id, before] : intent.vrfs.before()) {
    const VrfRow* vrf = intent.vrfs.find(id);
    if (vrf == nullptr) continue;
    const VrfId other = intent.references.other_with_label(vrf->label, id);
    if (other == id) continue;
    return row_error(
        row_name("vrf", std::max(id, other)), "label",
        std::to_string(vrf->label) + " belongs to " + row_name("vrf", std::min(id, other)),
        "give each VRF a label of its own");
  }
  return ok();
}

Status check_ports(const Intent& intent) {
  for (const auto& [id, before] : intent.ports.before()) {
    const PortRow* port = intent.ports.find(id);
    if (port == nullptr) continue;
    if (intent.vrfs.find(port->vrf) == nullptr)
      return missing_row(row_name("port", id), "vrf", to_string(port->vrf));
    for (const uint32_t group : port->groups) {
      if (intent.groups.find(group) == nullptr)
        return missing_row(row_name("port", id), "security_groups", std::to_string(group));
    }
    const PortId other = intent.references.other_with_address(port->vrf, port->address, id);
    if (other == id) continue;
    return row_error(
        row_name("port", std::max(id, other)), "address",
        text_of({port->address, 32}) + " belongs to " + row_name("port", std::min(id, other)),
        "give each port of a VRF an address of its own");
  }
  return ok();
}

Status check_tunnels(const Intent& intent) {
  for (const auto& [id, before] : intent.tunnels.before()) {
    const TunnelRow* tunnel = intent.tunnels.find(id);
    if (tunnel == nullptr || tunnel->is_link || intent.vrfs.find(tunnel->vrf) != nullptr) continue;
    return missing_row(row_name("tunnel", id), "vrf", to_string(tunnel->vrf));
  }
  return ok();
}

bool is_before(const RouteChange& a, const RouteChange& b) { return a.place() < b.place(); }

// The first route as the batch leaves them for which `is_it` is true. @pre there is one
template <class IsIt>
RouteChange first_route(const Intent& intent, IsIt is_it) {
  std::optional<RouteChange> first;
  const auto consider = [&](const RouteChange& route) {
    if (route.after.kind != AdjacencyKind::kNone && is_it(route) &&
        (!first || is_before(route, *first)))
      first = route;
  };
  for (const RouteChange& route : intent.routes) consider(route);
  for (const auto& [owner, table] : intent.tables) {
    table.for_each([&, &owner = owner](const RouteKey& key, Adjacency adjacency) {
      const RouteChange route{owner.first, owner.second, key, adjacency, adjacency};
      if (!std::binary_search(intent.routes.begin(), intent.routes.end(), route, is_before))
        consider(route);
    });
  }
  return *first;
}

Error route_error(const RouteChange& route, const std::string& field, std::string what) {
  return row_error(row_name(route.vrf, route.kind, route.key), field, std::move(what),
                   kSendMissing);
}

Status check_removed_vrfs(const Intent& intent) {
  for (const auto& [id, before] : intent.vrfs.before()) {
    if (intent.vrfs.find(id) != nullptr || intent.references.of_vrf(id) == 0) continue;
    for (const auto& [port, row] : intent.ports.all()) {
      if (row.vrf == id) return missing_row(row_name("port", port), "vrf", to_string(id));
    }
    for (const auto& [tunnel, row] : intent.tunnels.all()) {
      if (!row.is_link && row.vrf == id)
        return missing_row(row_name("tunnel", tunnel), "vrf", to_string(id));
    }
    const RouteChange route =
        first_route(intent, [&id = id](const RouteChange& r) { return r.vrf == id; });
    return route_error(route, "vrf", to_string(id) + " does not exist");
  }
  return ok();
}

Status check_removed_groups(const Intent& intent) {
  for (const auto& [id, before] : intent.groups.before()) {
    const auto& ports = intent.references.ports_of_group(id);
    if (intent.groups.find(id) != nullptr || ports.empty()) continue;
    return missing_row(row_name("port", *ports.begin()), "security_groups", std::to_string(id));
  }
  return ok();
}

Status check_removed_ports(const Intent& intent) {
  for (const auto& [id, before] : intent.ports.before()) {
    if (!before || intent.ports.find(id) != nullptr) continue;
    const uint32_t index = before->index;
    if (intent.references.to_port(index).all() == 0) continue;
    const RouteChange route = first_route(intent, [&](const RouteChange& r) {
      return r.after.kind == AdjacencyKind::kPort && r.after.index == index;
    });
    return route_error(route, "next_hop.port", to_string(id) + " does not exist");
  }
  return ok();
}

Status check_routes_of_tunnels(const Intent& intent) {
  for (const auto& [id, before] : intent.tunnels.before()) {
    const TunnelRow* tunnel = intent.tunnels.find(id);
    if (tunnel == nullptr && !before) continue;
    const uint32_t index = tunnel != nullptr ? tunnel->index : before->index;
    const RouteCounts routes = intent.references.to_tunnel(index);
    const auto route_with = [&](auto has_fault) {
      return first_route(intent, [&](const RouteChange& r) {
        return r.after.kind == AdjacencyKind::kTunnel && r.after.index == index &&
               has_fault(r.after);
      });
    };
    if (tunnel == nullptr && routes.all() > 0) {
      return route_error(route_with([](const Adjacency&) { return true; }), "next_hop.tunnel",
                         to_string(id) + " does not exist");
    }
    if (tunnel != nullptr && tunnel->is_link && routes.without_label > 0) {
      return route_error(route_with([](const Adjacency& a) { return !a.has_label(); }),
                         "next_hop.tunnel.label", label_is_missing(id));
    }
    if (tunnel != nullptr && !tunnel->is_link && routes.with_label > 0) {
      const RouteChange route = route_with([](const Adjacency& a) { return a.has_label(); });
      return route_error(route, "next_hop.tunnel.label",
                         label_has_no_meaning(route.after.label, id));
    }
  }
  return ok();
}

}  // namespace

Status check_intent(const Intent& intent) {
  for (const auto check : {check_labels, check_ports, check_tunnels, check_removed_vrfs,
                           check_removed_groups, check_removed_ports, check_routes_of_tunnels}) {
    if (Status status = check(intent); !status) return status;
  }
  return ok();
}

}  // namespace farspan::dataplane
