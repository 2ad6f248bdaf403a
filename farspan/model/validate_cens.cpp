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

Attached check_attachments(const Model& model, Faults& faults) {
  Attached attached;
  for (const CenAttachment* each : by_age<CenAttachment>(model)) {
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

// (Vpc, destination) of every plain VPN route that stands in the Vpc's table, true when it is
// published there.
std::map<std::pair<std::string, net::Prefix>, const VpnRoute*> plain_routes(const Model& model) {
  std::map<std::pair<std::string, net::Prefix>, const VpnRoute*> routes;
  for (const auto& [name, route] : model.all<VpnRoute>()) {
    const VpnGateway* gateway = model.find<VpnGateway>(route.vpn_gateway);
    if (gateway != nullptr && !route.source)
      routes.emplace(std::pair(gateway->vpc, route.destination), &route);
  }
  return routes;
}

}  // namespace

void check_cens(const Model& model, Faults& faults) {
  const Attached attached = check_attachments(model, faults);
  const auto routes = plain_routes(model);

  std::map<std::tuple<std::string, std::string, net::Prefix>, const CenRoute*> published;
  for (const CenRoute* each : by_age<CenRoute>(model)) {
    const CenRoute& route = *each;
    const Cen* cen = faults.refer<Cen>(route, "cen", route.cen);
    const Vpc* vpc = faults.refer<Vpc>(route, "vpc", route.vpc);
    if (cen == nullptr || vpc == nullptr) continue;
    const auto attachment = attached.find(route.vpc);
    if (attachment == attached.end() || attachment->second->cen != route.cen) {
      faults.add(route, "vpc", route.vpc + " is not attached to Cen " + route.cen,
                 "declare a CenAttachment of the two");
    }
    const auto standing = routes.find({route.vpc, route.destination});
    if (standing == routes.end()) {
      faults.add(
          route, "destination",
          route.destination.text() + " is not a route of Vpc " + route.vpc +
              " that can be published",
          "declare a VpnRoute to it with published: true; vSwitches are published by themselves");
    } else if (!standing->second->is_published) {
      faults.add(route, "destination",
                 route.destination.text() + " is only in the gateway's table: VpnRoute " +
                     standing->second->meta.name + " is not published",
                 "set published: true on that VpnRoute");
    }
    const auto [other, is_new] =
        published.emplace(std::tuple(route.cen, route.vpc, route.destination), &route);
    if (!is_new) {
      faults.add(route, "destination",
                 route.destination.text() + " is already published by CenRoute " +
                     other->second->meta.name,
                 "delete one of the two");
    }
  }
}

}  // namespace farspan::model
