// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/claims.h"

#include <algorithm>

namespace farspan::model {
namespace {

Claim claim_of(const net::Prefix& prefix) { return {Claim::Kind::kPrefix, prefix, {}}; }
Claim underlay(const net::Address& address) {
  return {Claim::Kind::kUnderlayAddress, {}, address.text()};
}

std::vector<Claim> claims_of_all(const std::vector<net::Prefix>& prefixes) {
  std::vector<Claim> claims;
  for (const net::Prefix& prefix : prefixes)
    if (!prefix.is_default()) claims.push_back(claim_of(prefix));
  return claims;
}

}  // namespace

std::vector<Claim> claims_of(const Region&) { return {}; }
std::vector<Claim> claims_of(const Node& node) { return {underlay(node.public_address)}; }
std::vector<Claim> claims_of(const Vpc& vpc) { return claims_of_all(vpc.cidr_blocks); }
std::vector<Claim> claims_of(const VSwitch& vswitch) { return {claim_of(vswitch.cidr)}; }
std::vector<Claim> claims_of(const SecurityGroup&) { return {}; }
std::vector<Claim> claims_of(const Instance& instance) {
  std::vector<Claim> claims = {claim_of(net::Prefix::host(instance.address))};
  if (!instance.netns.empty())
    claims.push_back({Claim::Kind::kNetns, {}, instance.node + "/" + instance.netns});
  return claims;
}
std::vector<Claim> claims_of(const VpnGateway&) { return {}; }
std::vector<Claim> claims_of(const CustomerGateway& office) { return {underlay(office.address)}; }
std::vector<Claim> claims_of(const IpsecConnection& connection) {
  std::vector<Claim> claims = claims_of_all(connection.remote_subnets);
  if (!connection.ike.remote_id.empty())
    claims.push_back({Claim::Kind::kIdentity, {}, connection.ike.remote_id});
  return claims;
}
std::vector<Claim> claims_of(const VpnRoute& route) { return claims_of_all({route.destination}); }
std::vector<Claim> claims_of(const Cen&) { return {}; }
std::vector<Claim> claims_of(const CenAttachment&) { return {}; }
std::vector<Claim> claims_of(const CenRoute& route) { return claims_of_all({route.destination}); }

Claims::Claims(const Model& model) {
  std::vector<std::pair<Entry, std::monostate>> entries;
  const auto add_all = [&](const auto& by_name) {
    for (const auto& [name, resource] : by_name) {
      for (Claim& claim : claims_of(resource))
        entries.push_back({Entry{std::move(claim), ResourceId::of(resource)}, {}});
    }
  };
  std::apply([&](const auto&... by_name) { (add_all(by_name), ...); }, model.kinds);
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  entries.erase(std::unique(entries.begin(), entries.end(),
                            [](const auto& a, const auto& b) { return a.first == b.first; }),
                entries.end());
  entries_ = decltype(entries_)::from_sorted(std::move(entries));
}

}  // namespace farspan::model
