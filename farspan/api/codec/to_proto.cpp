// SPDX-License-Identifier: Apache-2.0
// Model → protobuf: every field is written out, defaults included, but the secrets nobody asked
// for.
#include "farspan/api/codec/proto_resource.h"
#include "farspan/api/codec/words.h"
#include "farspan/v1/resources.pb.h"

namespace farspan::api::codec {
namespace {

void fill(const model::Region&, Secrets, v1::Resource& to) { to.mutable_region(); }

void fill(const model::Node& from, Secrets, v1::Resource& to) {
  auto& spec = *to.mutable_node();
  spec.set_region(from.region);
  spec.set_public_address(from.public_address.text());
}

void fill(const model::Vpc& from, Secrets, v1::Resource& to) {
  auto& spec = *to.mutable_vpc();
  spec.set_region(from.region);
  for (const net::Prefix& block : from.cidr_blocks) spec.add_cidr_blocks(block.text());
}

void fill(const model::VSwitch& from, Secrets, v1::Resource& to) {
  auto& spec = *to.mutable_vswitch();
  spec.set_vpc(from.vpc);
  spec.set_cidr(from.cidr.text());
}

std::string ports_text(const model::PortRange& ports) {
  if (ports == model::PortRange{}) return {};
  if (ports.low == ports.high) return std::to_string(ports.low);
  return std::to_string(ports.low) + "-" + std::to_string(ports.high);
}

void fill(const model::SecurityGroup& from, Secrets, v1::Resource& to) {
  auto& spec = *to.mutable_security_group();
  spec.set_vpc(from.vpc);
  spec.set_inner_access(word_of(kInnerAccess, from.is_inner_open));
  for (const model::SecurityRule& rule : from.rules) {
    auto& out = *spec.add_rules();
    out.set_direction(word_of(kDirections, rule.direction));
    out.set_protocol(word_of(kProtocols, rule.protocol));
    out.set_ports(ports_text(rule.ports));
    if (const auto* prefix = std::get_if<net::Prefix>(&rule.peer)) {
      out.set_peer_cidr(prefix->text());
    } else {
      out.set_peer_group(std::get<std::string>(rule.peer));
    }
    out.set_action(word_of(kActions, rule.action));
    out.set_priority(static_cast<uint32_t>(rule.priority));
    out.set_description(rule.description);
  }
}

void fill(const model::Instance& from, Secrets, v1::Resource& to) {
  auto& spec = *to.mutable_instance();
  spec.set_vswitch(from.vswitch);
  spec.set_address(from.address.text());
  for (const std::string& group : from.security_groups) spec.add_security_groups(group);
  spec.set_node(from.node);
  spec.set_netns(from.netns);
}

void fill(const model::VpnGateway& from, Secrets, v1::Resource& to) {
  auto& spec = *to.mutable_vpn_gateway();
  spec.set_vpc(from.vpc);
  spec.set_node(from.node);
}

void fill(const model::CustomerGateway& from, Secrets, v1::Resource& to) {
  to.mutable_customer_gateway()->set_address(from.address.text());
}

void fill_ike(const model::IkeConfig& from, Secrets secrets, v1::IkeConfig& to) {
  to.set_version(word_of(kIkeVersions, from.version));
  to.set_mode(word_of(kIkeModes, from.mode));
  to.set_encryption(word_of(kIkeEncryptions, from.encryption));
  to.set_integrity(word_of(kIkeIntegrities, from.integrity));
  to.set_dh_group(word_of(kDhGroups, from.dh_group));
  to.set_lifetime_seconds(from.lifetime_seconds);
  to.set_local_id(from.local_id);
  to.set_remote_id(from.remote_id);
  if (secrets == Secrets::kIncluded) to.set_psk(from.psk);
}

void fill(const model::IpsecConnection& from, Secrets secrets, v1::Resource& to) {
  auto& spec = *to.mutable_ipsec_connection();
  spec.set_vpn_gateway(from.vpn_gateway);
  spec.set_customer_gateway(from.customer_gateway);
  for (const net::Prefix& subnet : from.local_subnets) spec.add_local_subnets(subnet.text());
  for (const net::Prefix& subnet : from.remote_subnets) spec.add_remote_subnets(subnet.text());
  spec.set_effect_immediately(from.is_effect_immediately);
  spec.set_dpd(from.has_dpd);
  fill_ike(from.ike, secrets, *spec.mutable_ike());
  auto& ipsec = *spec.mutable_ipsec();
  ipsec.set_encryption(word_of(kIpsecEncryptions, from.ipsec.encryption));
  ipsec.set_integrity(word_of(kIpsecIntegrities, from.ipsec.integrity));
  ipsec.set_pfs_group(word_of(kPfsGroups, from.ipsec.pfs_group));
  ipsec.set_lifetime_seconds(from.ipsec.lifetime_seconds);
}

void fill(const model::VpnRoute& from, Secrets, v1::Resource& to) {
  auto& spec = *to.mutable_vpn_route();
  spec.set_vpn_gateway(from.vpn_gateway);
  spec.set_destination(from.destination.text());
  if (from.source) spec.set_source(from.source->text());
  spec.set_ipsec_connection(from.ipsec_connection);
  spec.set_published(from.is_published);
}

void fill(const model::Cen&, Secrets, v1::Resource& to) { to.mutable_cen(); }

void fill(const model::CenAttachment& from, Secrets, v1::Resource& to) {
  auto& spec = *to.mutable_cen_attachment();
  spec.set_cen(from.cen);
  spec.set_vpc(from.vpc);
}

void fill(const model::CenRoute& from, Secrets, v1::Resource& to) {
  auto& spec = *to.mutable_cen_route();
  spec.set_cen(from.cen);
  spec.set_vpc(from.vpc);
  spec.set_destination(from.destination.text());
}

}  // namespace

v1::Resource to_proto(const AnyResource& resource, Secrets secrets) {
  v1::Resource message;
  const model::Meta& meta = meta_of(resource);
  message.set_kind(std::string(kind_of(resource)));
  message.set_name(meta.name);
  message.set_description(meta.description);
  message.set_number(meta.number);
  std::visit([&](const auto& typed) { fill(typed, secrets, message); }, resource);
  if (const auto* node = std::get_if<model::Node>(&resource)) {
    message.set_identity_revision(node->identity_revision);
    message.set_identity_random(node->identity_random);
  }
  return message;
}

}  // namespace farspan::api::codec
