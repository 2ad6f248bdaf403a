// SPDX-License-Identifier: Apache-2.0
// CustomerGateway: an office's device, or the NAT device in front of it.
#pragma once

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct CustomerGateway {
  static constexpr const char* kKind = "CustomerGateway";
  static constexpr const char* kSays = "The device of an office, as it is seen from the Internet.";
  Meta meta;
  net::Address address;  // unique; not in 100.64/10, 127/8, 169.254/16, 224/4, 255/8

  bool operator==(const CustomerGateway&) const = default;
};

void describe(auto& visit, Is<CustomerGateway> auto& office) {
  visit({.name = "address",
         .says = "The public address of the office's device, or of the NAT device before it; "
                 "unique.",
         .is_required = true,
         .example = "198.51.100.11"},
        office.address);
}

}  // namespace farspan::model
