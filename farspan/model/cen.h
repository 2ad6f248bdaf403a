// SPDX-License-Identifier: Apache-2.0
// Cen: joins Vpcs across regions; their vSwitch routes are exchanged, other routes only when
// published.
#pragma once

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct Cen {
  static constexpr const char* kKind = "Cen";
  Meta meta;

  bool operator==(const Cen&) const = default;
};

/// A Vpc in a Cen; a Vpc is in at most one.
struct CenAttachment {
  static constexpr const char* kKind = "CenAttachment";
  Meta meta;
  std::string cen;
  std::string vpc;

  bool operator==(const CenAttachment&) const = default;
};

/// A route of an attached Vpc's table, published to its Cen by hand (routes to a VPN
/// gateway are not published by themselves). The route must stand in the Vpc's table, i.e. be a
/// published VpnRoute.
struct CenRoute {
  static constexpr const char* kKind = "CenRoute";
  Meta meta;
  std::string cen;
  std::string vpc;
  net::Prefix destination;

  bool operator==(const CenRoute&) const = default;
};

}  // namespace farspan::model
