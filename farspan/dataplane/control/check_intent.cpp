// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/check_intent.h"

#include <map>
#include <set>

#include "farspan/dataplane/control/row_error.h"

namespace farspan::dataplane {
namespace {

const char* const kSendMissing = "send the missing row in the same batch or remove this one";

Error missing(std::string row, std::string field, std::string what) {
  return row_error(std::move(row), std::move(field), what + " does not exist", kSendMissing);
}

Status check_labels(const Intent& intent) {
  std::map<uint32_t, VrfId> owners;
  for (const auto& [id, vrf] : intent.vrfs) {
    const auto [owner, is_new] = owners.emplace(vrf.label, id);
    if (!is_new) {
      return row_error(row_name("vrf", id), "label",
                       std::to_string(vrf.label) + " belongs to " + row_name("vrf", owner->second),
                       "give each VRF a label of its own");
    }
  }
  return ok();
}

Status check_ports(const Intent& intent) {
  std::map<std::pair<VrfId, uint32_t>, PortId> owners;
  for (const auto& [id, port] : intent.ports) {
    if (!intent.vrfs.contains(port.vrf)) {
      return missing(row_name("port", id), "vrf", to_string(port.vrf));
    }
    for (const uint32_t group : port.groups) {
      if (!intent.groups.contains(group)) {
        return missing(row_name("port", id), "security_groups", std::to_string(group));
      }
    }
    const auto [owner, is_new] = owners.emplace(std::pair(port.vrf, port.address), id);
    if (!is_new) {
      return row_error(
          row_name("port", id), "address",
          text_of({port.address, 32}) + " belongs to " + row_name("port", owner->second),
          "give each port of a VRF an address of its own");
    }
  }
  return ok();
}

Status check_tunnels(const Intent& intent) {
  for (const auto& [id, tunnel] : intent.tunnels) {
    if (!tunnel.is_link && !intent.vrfs.contains(tunnel.vrf)) {
      return missing(row_name("tunnel", id), "vrf", to_string(tunnel.vrf));
    }
  }
  return ok();
}

// What is wrong with the target of a route: field and words; an empty field means nothing is.
std::pair<std::string, std::string> fault_of(const Intent& intent, const RouteTarget& target) {
  if (target.kind == AdjacencyKind::kPort && !intent.ports.contains(PortId(target.id))) {
    return {"next_hop.port", std::to_string(target.id) + " does not exist"};
  }
  if (target.kind != AdjacencyKind::kTunnel) return {};
  const auto tunnel = intent.tunnels.find(TunnelId(target.id));
  if (tunnel == intent.tunnels.end()) {
    return {"next_hop.tunnel", std::to_string(target.id) + " does not exist"};
  }
  if (tunnel->second.is_link && target.label == 0) {
    return {"next_hop.tunnel.label",
            "is missing: tunnel " + std::to_string(target.id) + " is a link"};
  }
  if (!tunnel->second.is_link && target.label != 0) {
    return {"next_hop.tunnel.label", std::to_string(target.label) + " has no meaning: tunnel " +
                                         std::to_string(target.id) + " is no link"};
  }
  return {};
}

Status check_routes(const Intent& intent) {
  for (const auto& [owner, table] : intent.tables) {
    for (const auto& [key, target] : table->routes) {
      const auto& [vrf, kind] = owner;
      if (!intent.vrfs.contains(vrf)) {
        return missing(row_name(vrf, kind, key), "vrf", to_string(vrf));
      }
      const auto [field, what] = fault_of(intent, target);
      if (!field.empty()) return row_error(row_name(vrf, kind, key), field, what, kSendMissing);
    }
  }
  return ok();
}

}  // namespace

Status check_intent(const Intent& intent) {
  for (const auto check : {check_labels, check_ports, check_tunnels, check_routes}) {
    if (Status status = check(intent); !status) return status;
  }
  return ok();
}

}  // namespace farspan::dataplane
