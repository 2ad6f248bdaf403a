// SPDX-License-Identifier: Apache-2.0
// VSwitch: a subnet of a Vpc. Its first and last three addresses are reserved; the third last is
// the gateway that answers ARP and ICMP (172.16.1.253 in 172.16.1.0/24).
#pragma once

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct VSwitch {
  static constexpr const char* kKind = "VSwitch";
  static constexpr const char* kSays = "A subnet of a Vpc, to which instances are plugged.";
  Meta meta;
  std::string vpc;
  net::Prefix cidr;

  bool operator==(const VSwitch&) const = default;
};

void describe(auto& visit, Is<VSwitch> auto& vswitch) {
  visit({.name = "vpc",
         .says = "The Vpc it is a subnet of.",
         .refers_to = "Vpc",
         .is_required = true,
         .example = "us-east"},
        vswitch.vpc);
  visit({.name = "cidr",
         .says = "Its subnet, /16 to /29, inside a block of the Vpc; the first and the last three "
                 "addresses are reserved, the third last is the gateway (172.16.1.253).",
         .is_required = true,
         .example = "172.16.1.0/24"},
        vswitch.cidr);
}

/// The router's own address in a vSwitch: the third address from the end.
net::Address gateway_of(const net::Prefix& cidr);

}  // namespace farspan::model
