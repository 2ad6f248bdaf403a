// SPDX-License-Identifier: Apache-2.0
// Cen: joins Vpcs across regions; their vSwitch routes are exchanged, other routes only when
// published.
#pragma once

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct Cen {
  static constexpr const char* kKind = "Cen";
  static constexpr const char* kSays =
      "A network of Vpcs across regions, which learn each other's routes.";
  Meta meta;

  bool operator==(const Cen&) const = default;
};

void describe(auto& visit, Is<Cen> auto& /*cen*/) { (void)visit; }

/// A Vpc in a Cen; a Vpc is in at most one.
struct CenAttachment {
  static constexpr const char* kKind = "CenAttachment";
  static constexpr const char* kSays = "A Vpc that is joined to a Cen.";
  Meta meta;
  std::string cen;
  std::string vpc;

  bool operator==(const CenAttachment&) const = default;
};

void describe(auto& visit, Is<CenAttachment> auto& attachment) {
  visit({.name = "cen",
         .says = "The Cen that is joined.",
         .refers_to = "Cen",
         .is_required = true,
         .example = "global"},
        attachment.cen);
  visit({.name = "vpc",
         .says = "The Vpc that joins; it is in at most one Cen.",
         .refers_to = "Vpc",
         .is_required = true,
         .example = "us-east"},
        attachment.vpc);
}

/// A route of an attached Vpc's table, published to its Cen by hand (routes to a VPN
/// gateway are not published by themselves). The route must stand in the Vpc's table, i.e. be a
/// published VpnRoute.
struct CenRoute {
  static constexpr const char* kKind = "CenRoute";
  static constexpr const char* kSays =
      "A published VpnRoute of one attached Vpc, announced to the others.";
  Meta meta;
  std::string cen;
  std::string vpc;
  net::Prefix destination;

  bool operator==(const CenRoute&) const = default;
};

void describe(auto& visit, Is<CenRoute> auto& route) {
  visit({.name = "cen",
         .says = "The Cen that learns the route.",
         .refers_to = "Cen",
         .is_required = true,
         .example = "global"},
        route.cen);
  visit({.name = "vpc",
         .says = "The attached Vpc whose table has the route.",
         .refers_to = "Vpc",
         .is_required = true,
         .example = "us-east"},
        route.vpc);
  visit({.name = "destination",
         .says = "The destination of a published VpnRoute of that Vpc.",
         .is_required = true,
         .example = "10.10.10.0/24"},
        route.destination);
}

}  // namespace farspan::model
