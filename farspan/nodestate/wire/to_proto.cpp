// SPDX-License-Identifier: Apache-2.0
#include "farspan/nodestate/wire/wire.h"
#include "farspan/v1/node_state.pb.h"

namespace farspan::nodestate::wire {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;  // clang 14 does not deduce it for aggregates

void to_proto(const Rule& rule, v1::Rule& message) {
  message.set_protocol(rule.protocol);
  message.set_port_low(rule.port_low);
  message.set_port_high(rule.port_high);
  message.set_peer(rule.peer.text());
  message.set_is_drop(rule.action == RuleAction::kDrop);
  message.set_priority(rule.priority);
}

void to_proto(const Ike& ike, v1::Ike& message) {
  message.set_version(ike.version);
  message.set_is_aggressive(ike.is_aggressive);
  message.set_local(ike.local.text());
  message.set_remote(ike.remote.text());
  message.set_local_id(ike.local_id);
  message.set_remote_id(ike.remote_id);
  message.set_ike_proposal(ike.ike_proposal);
  message.set_esp_proposal(ike.esp_proposal);
  message.set_ike_lifetime_seconds(ike.ike_lifetime_seconds);
  message.set_esp_lifetime_seconds(ike.esp_lifetime_seconds);
  for (const auto& subnet : ike.local_subnets) message.add_local_subnets(subnet.text());
  for (const auto& subnet : ike.remote_subnets) message.add_remote_subnets(subnet.text());
  message.set_replay_window_packets(ike.replay_window_packets);
  message.set_has_dpd(ike.has_dpd);
  message.set_is_start_now(ike.is_start_now);
}

}  // namespace

v1::Vrf to_proto(VrfId id, const Vrf& vrf) {
  v1::Vrf message;
  message.set_id(id.value());
  message.set_vpc(vrf.vpc);
  message.set_router(vrf.router.text());
  message.set_label(vrf.label.value());
  message.set_flow_domain(vrf.flow_domain);
  return message;
}

v1::Port to_proto(PortId id, const Port& port) {
  v1::Port message;
  message.set_id(id.value());
  message.set_instance(port.instance);
  message.set_vrf(port.vrf.value());
  message.set_netns(port.netns);
  message.set_address(port.address.text());
  message.set_subnet(port.subnet.text());
  message.set_gateway(port.gateway.text());
  message.set_mac(port.mac.bytes.data(), port.mac.bytes.size());
  for (const auto group : port.security_groups) message.add_security_groups(group.value());
  return message;
}

v1::SecurityGroup to_proto(SecurityGroupId id, const SecurityGroup& group) {
  v1::SecurityGroup message;
  message.set_id(id.value());
  message.set_name(group.name);
  for (const Rule& rule : group.ingress) to_proto(rule, *message.add_ingress());
  for (const Rule& rule : group.egress) to_proto(rule, *message.add_egress());
  return message;
}

v1::Tunnel to_proto(TunnelId id, const Tunnel& tunnel) {
  v1::Tunnel message;
  message.set_mtu(tunnel.mtu);
  message.set_id(id.value());
  to_proto(tunnel.ike, *message.mutable_ike());
  std::visit(Overloaded{[&](const OfficeTunnel& office) {
                          message.mutable_office()->set_connection(office.connection);
                          message.mutable_office()->set_vrf(office.vrf.value());
                          message.mutable_office()->set_psk(office.psk);
                          for (const auto& prefix : office.feasible_sources)
                            message.mutable_office()->add_feasible_sources(prefix.text());
                        },
                        [&](const LinkTunnel& link) {
                          message.mutable_link()->set_peer_node(link.peer_node);
                          for (const Label label : link.labels)
                            message.mutable_link()->add_labels(label.value());
                        }},
             tunnel.use);
  return message;
}

v1::RouteKey to_proto(const RouteKey& key) {
  v1::RouteKey message;
  message.set_vrf(key.vrf.value());
  message.set_table(key.table == TableKind::kGateway ? v1::TABLE_KIND_GATEWAY : v1::TABLE_KIND_VPC);
  message.set_destination(key.destination.text());
  if (key.source) message.set_source(key.source->text());
  return message;
}

v1::Route to_proto(const RouteKey& key, const NextHop& next_hop) {
  v1::Route message;
  *message.mutable_key() = to_proto(key);
  auto& to = *message.mutable_next_hop();
  std::visit(Overloaded{[&](const ToPort& hop) { to.set_port(hop.port.value()); },
                        [&](const ToRouter&) { to.mutable_router(); },
                        [&](const ToTunnel& hop) {
                          to.mutable_tunnel()->set_tunnel(hop.tunnel.value());
                          if (hop.label) to.mutable_tunnel()->set_label(hop.label->value());
                        },
                        [&](const Unreachable&) { to.mutable_unreachable(); }},
             next_hop);
  return message;
}

v1::Delta to_proto(const Delta& delta) {
  v1::Delta message;
  message.set_is_snapshot(delta.is_snapshot);
  message.set_node(delta.node);
  message.set_from_generation(delta.from_generation);
  message.set_to_generation(delta.to_generation);
  for (const auto& [id, row] : delta.vrfs.upserts) *message.add_vrfs() = to_proto(id, row);
  for (const auto id : delta.vrfs.removals) message.add_removed_vrfs(id.value());
  for (const auto& [id, row] : delta.ports.upserts) *message.add_ports() = to_proto(id, row);
  for (const auto id : delta.ports.removals) message.add_removed_ports(id.value());
  for (const auto& [id, row] : delta.security_groups.upserts)
    *message.add_security_groups() = to_proto(id, row);
  for (const auto id : delta.security_groups.removals)
    message.add_removed_security_groups(id.value());
  for (const auto& [id, row] : delta.tunnels.upserts) *message.add_tunnels() = to_proto(id, row);
  for (const auto id : delta.tunnels.removals) message.add_removed_tunnels(id.value());
  for (const auto& [key, hop] : delta.routes.upserts) *message.add_routes() = to_proto(key, hop);
  for (const auto& key : delta.routes.removals) *message.add_removed_routes() = to_proto(key);
  return message;
}

std::string serialize(const Delta& delta) { return to_proto(delta).SerializeAsString(); }

}  // namespace farspan::nodestate::wire
