// SPDX-License-Identifier: Apache-2.0
// Model: everything operators declared, by kind and name. A value: copy it to try a change; the
// copy shares what it has in common with the original (base/persistent_map.h), and the address of a
// resource holds while any model has it as it is.
//
// Not here: whether it makes sense (validate.h), how it is written (documents/), how it is kept
// (store/).
#pragma once

#include <string>
#include <tuple>

#include "farspan/base/persistent_map.h"
#include "farspan/model/cen.h"
#include "farspan/model/customer_gateway.h"
#include "farspan/model/instance.h"
#include "farspan/model/ipsec_connection.h"
#include "farspan/model/node.h"
#include "farspan/model/region.h"
#include "farspan/model/security_group.h"
#include "farspan/model/vpc.h"
#include "farspan/model/vpn_gateway.h"
#include "farspan/model/vpn_route.h"
#include "farspan/model/vswitch.h"

namespace farspan::model {

template <class Resource>
using ByName = PersistentMap<std::string, Resource, true>;

/// In the order in which they depend on each other: later kinds refer to earlier ones.
using Kinds = std::tuple<ByName<Region>, ByName<Node>, ByName<Vpc>, ByName<VSwitch>,
                         ByName<SecurityGroup>, ByName<Instance>, ByName<VpnGateway>,
                         ByName<CustomerGateway>, ByName<IpsecConnection>, ByName<VpnRoute>,
                         ByName<Cen>, ByName<CenAttachment>, ByName<CenRoute>>;

struct Model {
  Kinds kinds;

  template <class Resource>
  ByName<Resource>& all() {
    return std::get<ByName<Resource>>(kinds);
  }
  template <class Resource>
  const ByName<Resource>& all() const {
    return std::get<ByName<Resource>>(kinds);
  }

  /// The resource called `name`, or nullptr.
  template <class Resource>
  const Resource* find(const std::string& name) const {
    const auto& named = all<Resource>();
    const auto found = named.find(name);
    return found == named.end() ? nullptr : &found->second;
  }

  bool operator==(const Model&) const = default;
};

}  // namespace farspan::model
