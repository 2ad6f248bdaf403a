// SPDX-License-Identifier: Apache-2.0
// Node: a Linux machine of a region that runs the agent, the data plane and charon (a PE router).
#pragma once

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct Node {
  static constexpr const char* kKind = "Node";
  Meta meta;
  std::string region;
  net::Address public_address;  // underlay: where offices and other nodes reach it

  bool operator==(const Node&) const = default;
};

}  // namespace farspan::model
