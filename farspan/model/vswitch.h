// SPDX-License-Identifier: Apache-2.0
// VSwitch: a subnet of a Vpc. Its first and last three addresses are reserved; the third last is
// the gateway that answers ARP and ICMP (172.16.1.253 in 172.16.1.0/24).
#pragma once

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct VSwitch {
  static constexpr const char* kKind = "VSwitch";
  Meta meta;
  std::string vpc;
  net::Prefix cidr;

  bool operator==(const VSwitch&) const = default;
};

/// The router's own address in a vSwitch: the third address from the end.
net::Address gateway_of(const net::Prefix& cidr);

}  // namespace farspan::model
