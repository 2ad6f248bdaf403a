// SPDX-License-Identifier: Apache-2.0
// VpnRoute: a route of a VPN gateway into one of its connections.
//
// Published routes also stand in the Vpc's route table, so instances use them and a CEN may learn
// them; unpublished ones serve only what arrives through the gateway's tunnels. Besides
// these, every connection gives its gateway an unpublished route for each of its remote subnets
// (AutoConfigRoute).
#pragma once

#include <optional>

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct VpnRoute {
  static constexpr const char* kKind = "VpnRoute";
  static constexpr const char* kSays = "A route of a VPN gateway into one of its connections.";
  Meta meta;
  std::string vpn_gateway;
  net::Prefix destination;            // not 0.0.0.0/0
  std::optional<net::Prefix> source;  // policy-based: only packets from here
  std::string ipsec_connection;       // next hop; of the same gateway
  bool is_published = false;

  bool operator==(const VpnRoute&) const = default;
};

void describe(auto& visit, Is<VpnRoute> auto& route) {
  visit({.name = "vpn_gateway",
         .says = "The VpnGateway whose route it is.",
         .refers_to = "VpnGateway",
         .is_required = true,
         .example = "us-east"},
        route.vpn_gateway);
  visit({.name = "destination",
         .says = "Where packets go; inside remote_subnets of the connection, never 0.0.0.0/0.",
         .is_required = true,
         .example = "10.10.10.0/24"},
        route.destination);
  visit({.name = "source",
         .says = "Only packets from here take the route.",
         .if_left_out = "packets from everywhere",
         .example = "172.16.1.0/24"},
        route.source);
  visit({.name = "ipsec_connection",
         .says = "The IpsecConnection packets leave through, of the "
                 "same gateway.",
         .refers_to = "IpsecConnection",
         .is_required = true,
         .example = "office-1"},
        route.ipsec_connection);
  visit({.name = "published",
         .says = "Whether it also stands in the route table of the Vpc, for its instances and for "
                 "CenRoutes."},
        route.is_published);
}

}  // namespace farspan::model
