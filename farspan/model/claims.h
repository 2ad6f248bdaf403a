// SPDX-License-Identifier: Apache-2.0
// Claims: what resources take for themselves besides their names, found from what is taken: the
// prefixes they use, addresses of the underlay, IKE identities, network namespaces.
//
// Whose claims meet may stand in each other's way; whether they do is for the rules (validate.h) to
// say. A sorted set of (claim, owner), kept beside a model and changed with it, resource by
// resource; a copy shares what it has in common with the original.
//
// Threads: none; a value.
#pragma once

#include <compare>
#include <string>
#include <variant>
#include <vector>

#include "farspan/base/persistent_map.h"
#include "farspan/model/users.h"

namespace farspan::model {

struct Claim {
  enum class Kind : uint8_t { kPrefix, kUnderlayAddress, kIdentity, kNetns };
  Kind kind = Kind::kPrefix;
  net::Prefix prefix;  // of a kPrefix; an address as a host prefix
  std::string text;    // of the others
  auto operator<=>(const Claim&) const = default;
};

/// What `resource` takes by itself, whatever others say.
std::vector<Claim> claims_of(const Region& resource);
std::vector<Claim> claims_of(const Node& resource);
std::vector<Claim> claims_of(const Vpc& resource);
std::vector<Claim> claims_of(const VSwitch& resource);
std::vector<Claim> claims_of(const SecurityGroup& resource);
std::vector<Claim> claims_of(const Instance& resource);
std::vector<Claim> claims_of(const VpnGateway& resource);
std::vector<Claim> claims_of(const CustomerGateway& resource);
std::vector<Claim> claims_of(const IpsecConnection& resource);
std::vector<Claim> claims_of(const VpnRoute& resource);
std::vector<Claim> claims_of(const Cen& resource);
std::vector<Claim> claims_of(const CenAttachment& resource);
std::vector<Claim> claims_of(const CenRoute& resource);

class Claims {
 public:
  Claims() = default;
  explicit Claims(const Model& model);

  template <class Resource>
  void add(const Resource& resource) {
    for (Claim& claim : claims_of(resource))
      entries_.try_emplace({std::move(claim), ResourceId::of(resource)});
  }
  template <class Resource>
  void remove(const Resource& resource) {
    for (Claim& claim : claims_of(resource))
      entries_.erase({std::move(claim), ResourceId::of(resource)});
  }

  /// Calls `visit(ResourceId)` for everybody whose claim meets `claim`: a prefix meets those that
  /// it holds and those that hold it, anything else its equal.
  template <class Visit>
  void for_each_meeting(const Claim& claim, Visit&& visit) const {
    if (claim.kind != Claim::Kind::kPrefix) return for_each_equal(claim, visit);
    for (int length = 0; length < claim.prefix.length(); ++length)
      for_each_equal({claim.kind, net::Prefix::covering(claim.prefix.address(), length), {}},
                     visit);
    for (auto entry = entries_.lower_bound({claim, {}});
         entry != entries_.end() && entry->first.claim.kind == claim.kind &&
         claim.prefix.contains(entry->first.claim.prefix);
         ++entry)
      visit(entry->first.owner);
  }

  bool operator==(const Claims&) const = default;

 private:
  struct Entry {
    Claim claim;
    ResourceId owner;
    auto operator<=>(const Entry&) const = default;
  };

  template <class Visit>
  void for_each_equal(const Claim& claim, Visit&& visit) const {
    for (auto entry = entries_.lower_bound({claim, {}});
         entry != entries_.end() && entry->first.claim == claim; ++entry)
      visit(entry->first.owner);
  }

  PersistentMap<Entry, std::monostate> entries_;
};

}  // namespace farspan::model
