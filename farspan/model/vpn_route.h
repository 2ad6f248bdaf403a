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
  Meta meta;
  std::string vpn_gateway;
  net::Prefix destination;            // not 0.0.0.0/0
  std::optional<net::Prefix> source;  // policy-based: only packets from here
  std::string ipsec_connection;       // next hop; of the same gateway
  bool is_published = false;

  bool operator==(const VpnRoute&) const = default;
};

}  // namespace farspan::model
