// SPDX-License-Identifier: Apache-2.0
// Node: a Linux machine of a region that runs the agent, the data plane and charon (a PE router).
//
// A machine proves to be the node by a certificate for its identity. A revocation, and declaring
// the name anew, give the node another identity: the controller and the other nodes then know
// nobody who has the old one. The revision in it is for people; a store that was restored makes it
// a second time, so it is the random number that keeps an identity from ever coming back.
#pragma once

#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <optional>
#include <string>

#include "farspan/model/meta.h"
#include "farspan/net/address.h"

namespace farspan::model {

struct Node {
  static constexpr const char* kKind = "Node";
  static constexpr const char* kSays =
      "A Linux machine of a region that carries its Vpcs and meets offices.";
  Meta meta;
  std::string region;
  net::Address public_address;  // underlay: where offices and other nodes reach it
  /// Given by the controller: the revision that declared the node, or that revoked its certificates
  /// last. 0: declared by a Farspan that had no revocation.
  uint64_t identity_revision = 0;
  /// Made with it. 0: by a Farspan that had none.
  uint64_t identity_random = 0;

  /// "r7-90ab12cd34ef5678.us-east-node.node.farspan": DNS name in its certificate, IKE identity on
  /// links. Its first label has at most 38 of the 63 characters of RFC 1035 §2.3.4.
  std::string identity() const {
    const std::string name = meta.name + ".node.farspan";
    if (identity_revision == 0) return name;
    char random[20] = "";
    if (identity_random != 0) std::snprintf(random, sizeof random, "-%016" PRIx64, identity_random);
    return "r" + std::to_string(identity_revision) + random + "." + name;
  }

  /// The revision in `identity`, if it is one of a node called `name`, whatever its random number.
  static std::optional<uint64_t> revision_of(const std::string& identity, const std::string& name) {
    const std::string tail = name + ".node.farspan";
    if (identity == tail) return 0;
    if (!identity.starts_with('r') || !identity.ends_with("." + tail)) return std::nullopt;
    uint64_t revision = 0;
    const char* const begin = identity.data() + 1;
    const auto [end, fault] = std::from_chars(begin, identity.data() + identity.size(), revision);
    if (fault != std::errc() || (*end != '.' && *end != '-')) return std::nullopt;
    return revision;
  }

  bool operator==(const Node&) const = default;
};

void describe(auto& visit, Is<Node> auto& node) {
  visit({.name = "region",
         .says = "The Region it stands in.",
         .refers_to = "Region",
         .is_required = true,
         .example = "us-east"},
        node.region);
  visit({.name = "public_address",
         .says = "The machine's public address: offices and other nodes reach it there.",
         .is_required = true,
         .example = "203.0.113.1"},
        node.public_address);
  visit({.name = "identity_revision",
         .says = "The revision that declared the node, or that revoked its certificates last.",
         .access = Access::kGiven},
        node.identity_revision);
  visit({.name = "identity_random",
         .says = "Made with it, so that no identity comes back.",
         .access = Access::kGiven},
        node.identity_random);
}

}  // namespace farspan::model
