// SPDX-License-Identifier: Apache-2.0
// Cen attachments and published routes: one Cen per Vpc, and only routes that stand in the Vpc's
// table.
#include <map>
#include <set>
#include <tuple>

#include "farspan/model/faults.h"

namespace farspan::model {
namespace {

using Attached = std::map<std::string, const CenAttachment*>;  // by Vpc

Attached check_attachments(Faults& faults) {
  Attached attached;
  for (const CenAttachment* each : by_age<CenAttachment>(faults)) {
    const CenAttachment& attachment = *each;
    faults.refer<Cen>(attachment, "cen", attachment.cen);
    if (faults.refer<Vpc>(attachment, "vpc", attachment.vpc) == nullptr) continue;
    const auto [standing, is_new] = attached.emplace(attachment.vpc, &attachment);
    if (!is_new) {
      faults.add(attachment, "vpc",
                 attachment.vpc + " is already attached to Cen " + standing->second->cen +
                     " by CenAttachment " + standing->second->meta.name,
                 "delete that attachment first; a Vpc is in one Cen");
    }
  }
  return attached;
}

using PlainRoutes = std::map<std::pair<std::string, net::Prefix>, const VpnRoute*>;

// Every VPN route without a source, by Vpc and destination.
PlainRoutes plain_routes(const Model& model) {
  PlainRoutes routes;
  for (const auto& [name, route] : model.all<VpnRoute>()) {
    const VpnGateway* gateway = model.find<VpnGateway>(route.vpn_gateway);
    if (gateway != nullptr && !route.source)
      routes.emplace(std::pair(gateway->vpc, route.destination), &route);
  }
  return routes;
}

bool attaches(const CenAttachment& attachment, const CenRoute& route) {
  return attachment.cen == route.cen && attachment.vpc == route.vpc;
}

// `route` needs an attachment. Who took it away is blamed, else the route.
void blame_attachment(const CenRoute& route, Faults& faults) {
  const std::string user = Owner::of(route).label();
  for (const auto& [name, before] : faults.before().all<CenAttachment>()) {
    if (!attaches(before, route)) continue;
    const bool is_gone = faults.model().find<CenAttachment>(name) == nullptr;
    faults.add(Owner::of(before), is_gone ? "" : "vpc",
               "is in use: " + user + " publishes " + route.destination.text() + " of Vpc " +
                   route.vpc + " to Cen " + route.cen + " by it",
               "delete " + user + " before or together with it", ErrorCode::kConflict);
    return;
  }
  faults.add(route, "vpc", route.vpc + " is not attached to Cen " + route.cen,
             "declare a CenAttachment of the two");
}

// The destination of `route` is no published route of its Vpc any more, and was one: what was taken
// away or changed is blamed. False when there never was one.
bool blame_vpn_route(const CenRoute& route, const PlainRoutes& before, Faults& faults) {
  const auto stood = before.find({route.vpc, route.destination});
  if (stood == before.end() || !stood->second->is_published) return false;
  const VpnRoute& then = *stood->second;
  const VpnRoute* now = faults.model().find<VpnRoute>(then.meta.name);
  const std::string user = Owner::of(route).label();
  const std::string use = user + " publishes " + route.destination.text() + " to Cen " + route.cen;
  if (now == nullptr) {
    faults.add(Owner::of(then), "", "is in use: " + use,
               "delete " + user + " before or together with it", ErrorCode::kConflict);
    return true;
  }
  const auto refuse = [&](const Owner& owner, const char* field) {
    faults.add(owner, field, "cannot change like this while " + use,
               "delete " + user + " first, or leave this as it was", ErrorCode::kConflict);
  };
  const VpnGateway* gateway = faults.model().find<VpnGateway>(now->vpn_gateway);
  if (now->destination != then.destination)
    refuse(Owner::of(*now), "destination");
  else if (now->source)
    refuse(Owner::of(*now), "source");
  else if (now->vpn_gateway != then.vpn_gateway)
    refuse(Owner::of(*now), "vpn_gateway");
  else if (gateway != nullptr && gateway->vpc != route.vpc)
    refuse(Owner::of(*gateway), "vpc");
  else if (!now->is_published)
    refuse(Owner::of(*now), "published");
  return true;  // or the gateway is gone, which is told where it is named
}

}  // namespace

void check_cens(const Model& model, Faults& faults) {
  const Attached attached = check_attachments(faults);
  const PlainRoutes routes = plain_routes(model), before = plain_routes(faults.before());

  std::map<std::pair<std::string, net::Prefix>, const CenRoute*> published;
  for (const CenRoute* each : by_age<CenRoute>(faults)) {
    const CenRoute& route = *each;
    const Cen* cen = faults.refer<Cen>(route, "cen", route.cen);
    const Vpc* vpc = faults.refer<Vpc>(route, "vpc", route.vpc);
    if (cen == nullptr || vpc == nullptr) continue;
    const auto attachment = attached.find(route.vpc);
    if (attachment == attached.end() || attachment->second->cen != route.cen) {
      blame_attachment(route, faults);
    }
    const auto standing = routes.find({route.vpc, route.destination});
    const bool is_published = standing != routes.end() && standing->second->is_published;
    if (!is_published && blame_vpn_route(route, before, faults)) continue;
    if (standing == routes.end()) {
      faults.add(
          route, "destination",
          route.destination.text() + " is not a route of Vpc " + route.vpc +
              " that can be published",
          "declare a VpnRoute to it with published: true; vSwitches are published by themselves");
    } else if (!is_published) {
      faults.add(route, "destination",
                 route.destination.text() + " is only in the gateway's table: VpnRoute " +
                     standing->second->meta.name + " is not published",
                 "set published: true on that VpnRoute");
    }
    // Two ways to one office: which one the others take is said by publishing it.
    const auto [other, is_new] = published.emplace(std::pair(route.cen, route.destination), &route);
    if (!is_new) {
      const bool is_same_vpc = other->second->vpc == route.vpc;
      faults.add(route, "destination",
                 route.destination.text() + " is already published by CenRoute " +
                     other->second->meta.name +
                     (is_same_vpc ? "" : " of Vpc " + other->second->vpc),
                 "delete one of the two");
    }
  }
}

}  // namespace farspan::model
