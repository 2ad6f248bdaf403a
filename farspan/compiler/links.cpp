// SPDX-License-Identifier: Apache-2.0
// Links: the backbone between two nodes, for all the Vpcs they have to do with; labels tell these
// apart.
//
// A node takes from another one only the labels that this one has routes for: whoever has taken one
// node over speaks for the Vpcs of that node, and for no other.
//
// Always the strongest suite, ESN included: both ends are ours. Both are told to keep it up; which
// of them calls first is the agents' business (agent/tunnels).
#include "farspan/compiler/rows.h"

namespace farspan::compiler {
namespace {

constexpr uint32_t kIkeLifetimeSeconds = 24 * 3600;
constexpr uint32_t kEspLifetimeSeconds = 4 * 3600;

}  // namespace

nodestate::Tunnel link_row(const model::Node& local, const model::Node& peer,
                           std::set<nodestate::Label> labels) {
  nodestate::Tunnel tunnel;
  nodestate::Ike& ike = tunnel.ike;
  ike.local = local.public_address;
  ike.remote = peer.public_address;
  ike.local_id = local.identity();
  ike.remote_id = peer.identity();
  ike.ike_proposal = "aes256gcm16-prfsha384-ecp384";
  ike.esp_proposal = "aes256gcm16-ecp384-esn";
  ike.ike_lifetime_seconds = kIkeLifetimeSeconds;
  ike.esp_lifetime_seconds = kEspLifetimeSeconds;
  ike.local_subnets = {net::Prefix{}};
  ike.remote_subnets = {net::Prefix{}};
  tunnel.use = nodestate::LinkTunnel{peer.meta.name, std::move(labels)};
  return tunnel;
}

}  // namespace farspan::compiler
