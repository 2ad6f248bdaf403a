// SPDX-License-Identifier: Apache-2.0
// Office tunnels: one per IPsec connection, on its gateway's node.
#include "farspan/compiler/proposals.h"
#include "farspan/compiler/rows.h"

namespace farspan::compiler {
namespace {

nodestate::Ike ike_of(const model::IpsecConnection& connection, const model::Node& node,
                      const model::CustomerGateway& office) {
  nodestate::Ike ike;
  ike.version = connection.ike.version == model::IkeVersion::kIkev1 ? 1 : 2;
  ike.is_aggressive = ike.version == 1 && connection.ike.mode == model::IkeMode::kAggressive;
  ike.local = node.public_address;
  ike.remote = office.address;
  ike.local_id = connection.ike.local_id.empty() ? ike.local.text() : connection.ike.local_id;
  ike.remote_id = connection.ike.remote_id.empty() ? ike.remote.text() : connection.ike.remote_id;
  ike.ike_proposal = ike_proposal(connection.ike);
  ike.esp_proposal = esp_proposal(connection, EsnOffer::kEither);
  ike.ike_lifetime_seconds = connection.ike.lifetime_seconds;
  ike.esp_lifetime_seconds = connection.ipsec.lifetime_seconds;
  ike.replay_window_packets = connection.ipsec.replay_window_packets;
  ike.local_subnets = connection.local_subnets;
  ike.remote_subnets = connection.remote_subnets;
  ike.has_dpd = connection.has_dpd;
  ike.is_start_now = connection.is_effect_immediately;
  return ike;
}

}  // namespace

nodestate::Tunnel office_tunnel_row(const VpcPiece& piece, const model::IpsecConnection& connection,
                                    const model::CustomerGateway& office) {
  nodestate::Tunnel tunnel;
  tunnel.ike = ike_of(connection, *piece.site.gateway_node, office);
  if (connection.mtu != model::limits::kLargestMtu) tunnel.mtu = connection.mtu;
  tunnel.use = nodestate::OfficeTunnel{connection.meta.name, piece.site.vrf, connection.ike.psk,
                                       piece.standby_of(connection)};
  return tunnel;
}

}  // namespace farspan::compiler
