// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/vswitch.h"

namespace farspan::model {

net::Address gateway_of(const net::Prefix& cidr) { return net::Address::v4(cidr.last().v4() - 2); }

}  // namespace farspan::model
