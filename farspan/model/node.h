// SPDX-License-Identifier: Apache-2.0
// Node: a Linux machine of a region that runs the agent, the data plane and charon (a PE router).
//
// A machine proves to be the node by a certificate for its identity. A revocation, and declaring
// the name anew, give the node another identity: the controller and the other nodes then know
// nobody who has the old one.
#pragma once

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct Node {
  static constexpr const char* kKind = "Node";
  Meta meta;
  std::string region;
  net::Address public_address;  // underlay: where offices and other nodes reach it
  /// Given by the controller: the revision that declared the node, or that revoked its certificates
  /// last. 0: declared by a Farspan that had no revocation.
  uint64_t identity_revision = 0;

  /// "r7.us-east-node.node.farspan": DNS name in its certificate, IKE identity on links.
  std::string identity() const {
    const std::string name = meta.name + ".node.farspan";
    return identity_revision == 0 ? name : "r" + std::to_string(identity_revision) + "." + name;
  }

  bool operator==(const Node&) const = default;
};

}  // namespace farspan::model
