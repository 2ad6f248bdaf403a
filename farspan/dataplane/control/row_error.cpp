// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/row_error.h"

#include "farspan/net/address.h"

namespace farspan::dataplane {

std::string text_of(const Prefix4& prefix) {
  return net::Prefix::covering(net::Address::v4(prefix.address), prefix.length).text();
}

std::string row_name(VrfId vrf, TableKind kind, const RouteKey& key) {
  std::string name = row_name("route vrf", vrf);
  name += kind == TableKind::kVpc ? " vpc " : " gateway ";
  name += text_of(key.destination);
  if (key.source) name += " from " + text_of(*key.source);
  return name;
}

}  // namespace farspan::dataplane
