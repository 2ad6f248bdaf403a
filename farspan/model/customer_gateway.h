// SPDX-License-Identifier: Apache-2.0
// CustomerGateway: an office's device, or the NAT device in front of it.
#pragma once

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct CustomerGateway {
  static constexpr const char* kKind = "CustomerGateway";
  Meta meta;
  net::Address address;  // unique; not in 100.64/10, 127/8, 169.254/16, 224/4, 255/8

  bool operator==(const CustomerGateway&) const = default;
};

}  // namespace farspan::model
