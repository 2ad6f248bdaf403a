// SPDX-License-Identifier: Apache-2.0
// IPsec connections: subnets, algorithms that go together, keys and identities charon can tell
// apart.
//
// Not here: subnets that overlap those of others (validate_overlaps.cpp).
#include <map>

#include "farspan/model/faults.h"
#include "farspan/model/limits.h"

namespace farspan::model {
namespace {

void check_subnets(const IpsecConnection& connection, const char* field,
                   const std::vector<net::Prefix>& subnets, Faults& faults) {
  if (subnets.size() > limits::kSubnetsPerSide) return;  // told already
  if (connection.ike.version == IkeVersion::kIkev1 && subnets.size() > 1) {
    faults.add(connection, field, "has " + std::to_string(subnets.size()) + " prefixes with ikev1",
               "use one, or ike.version ikev2: IKEv1 negotiates one pair");
  }
  for (size_t i = 0; i < subnets.size(); ++i) {
    // 0.0.0.0/0 stands for every network: a selector that never has to change.
    if (subnets[i] != net::Prefix{})
      is_usable_prefix(Owner::of(connection), indexed(field, i), subnets[i], faults);
    for (size_t j = 0; j < i; ++j) {
      if (!subnets[j].overlaps(subnets[i])) continue;
      faults.add(connection, indexed(field, i),
                 subnets[i].text() + " overlaps " + subnets[j].text() + " of the same list",
                 "leave one of them out");
      break;
    }
  }
}

void check_algorithms(const IpsecConnection& connection, Faults& faults) {
  const IkeConfig& ike = connection.ike;
  const IpsecConfig& ipsec = connection.ipsec;
  if (ike.version == IkeVersion::kIkev2 && ike.mode == IkeMode::kAggressive) {
    faults.add(connection, "ike.mode", "aggressive exists only in ikev1",
               "leave it out, or use ike.version ikev1");
  }
  if (ike.version == IkeVersion::kIkev1 && is_aead(ike.encryption)) {
    faults.add(connection, "ike.encryption",
               std::string(word_of(kIkeEncryptions, ike.encryption)) +
                   " is not defined for phase 1 of ikev1",
               "use aes or aes256, or ikev2");
  }
  if (ike.dh_group == DhGroup::kNone) {
    faults.add(connection, "ike.dh_group", "disabled is not possible in phase 1",
               "choose a group, such as group14");
  }
  if (ike.version == IkeVersion::kIkev1 && ipsec.encryption == Encryption::kChaCha20Poly1305) {
    faults.add(connection, "ipsec.encryption", "chacha20poly1305 is not defined for ikev1",
               "use aes256 or aes256gcm, or ikev2");
  }
}

// charon tells connections apart by the pair of addresses and by the identities: both must be
// unique on a node.
class Peers {
 public:
  void check(const IpsecConnection& connection, const std::string& node,
             const CustomerGateway& office, Faults& faults) {
    const auto [by_office, is_new_office] =
        by_office_.emplace(std::pair(node, office.meta.name), &connection);
    if (!is_new_office) {
      const IpsecConnection& other = *by_office->second;
      faults.add(
          connection, "customer_gateway",
          office.meta.name + " is already joined to " +
              (other.vpn_gateway == connection.vpn_gateway ? "VpnGateway " + other.vpn_gateway
                                                           : "Node " + node) +
              " by IpsecConnection " + other.meta.name,
          "use that connection, or another gateway");
      return;
    }
    const std::string identity =
        connection.ike.remote_id.empty() ? office.address.text() : connection.ike.remote_id;
    const auto [by_identity, is_new_identity] =
        by_identity_.emplace(std::pair(node, identity), &connection);
    if (!is_new_identity) {
      faults.add(connection, "ike.remote_id",
                 identity + " is also that of IpsecConnection " + by_identity->second->meta.name +
                     " on Node " + node,
                 "give each office an identity of its own");
    }
  }

 private:
  std::map<std::pair<std::string, std::string>, const IpsecConnection*> by_office_, by_identity_;
};

}  // namespace

void check_ipsec_connections(const Model&, Faults& faults) {
  Peers peers;
  for (const IpsecConnection* each : by_age<IpsecConnection>(faults)) {
    const IpsecConnection& connection = *each;
    const VpnGateway* gateway =
        faults.refer<VpnGateway>(connection, "vpn_gateway", connection.vpn_gateway);
    const auto* office =
        faults.refer<CustomerGateway>(connection, "customer_gateway", connection.customer_gateway);
    check_subnets(connection, "local_subnets", connection.local_subnets, faults);
    check_subnets(connection, "remote_subnets", connection.remote_subnets, faults);
    if (connection.ike.psk.empty())
      faults.add(connection, "ike.psk", "is missing", "give 1 to 100 characters");
    check_algorithms(connection, faults);
    if (gateway != nullptr && office != nullptr)
      peers.check(connection, gateway->node, *office, faults);
  }
}

}  // namespace farspan::model
