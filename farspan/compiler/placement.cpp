// SPDX-License-Identifier: Apache-2.0
#include "farspan/compiler/placement.h"

#include <algorithm>

namespace farspan::compiler {
namespace {

using model::Users;

constexpr uint32_t kFirstLabel = 16;  // 0-15 mean something else (RFC 3032 §2.1)

template <class Resource>
bool by_number(const Resource* a, const Resource* b) {
  return std::tie(a->meta.number, a->meta.name) < std::tie(b->meta.number, b->meta.name);
}

void add_node(VpcSite& site, const model::Node* node) {
  if (node != nullptr && node->region == site.vpc->region && !site.stands_on(node))
    site.nodes.push_back(node);
}

void place_instances(const model::Model& model, const Users& users, VpcSite& site) {
  users.for_each_of<model::VSwitch, model::Vpc>(
      model, site.vpc->meta.name,
      [&](const model::VSwitch& vswitch) { site.vswitches.push_back(&vswitch); });
  for (const model::VSwitch* vswitch : site.vswitches) {
    users.for_each_of<model::Instance, model::VSwitch>(
        model, vswitch->meta.name, [&](const model::Instance& instance) {
          site.instances[vswitch].push_back(&instance);
          add_node(site, model.find<model::Node>(instance.node));
        });
  }
  std::sort(site.vswitches.begin(), site.vswitches.end(), by_number<model::VSwitch>);
}

void place_gateway(const model::Model& model, const Users& users, VpcSite& site) {
  users.for_each_of<model::VpnGateway, model::Vpc>(
      model, site.vpc->meta.name, [&](const model::VpnGateway& gateway) {
        const auto* node = model.find<model::Node>(gateway.node);
        if (node == nullptr || site.gateway != nullptr) return;
        site.gateway = &gateway;
        site.gateway_node = node;
        add_node(site, node);
      });
  if (site.gateway == nullptr) return;
  const std::string& name = site.gateway->meta.name;
  users.for_each_of<model::IpsecConnection, model::VpnGateway>(
      model, name, [&](const auto& connection) { site.connections.push_back(&connection); });
  users.for_each_of<model::VpnRoute, model::VpnGateway>(
      model, name, [&](const auto& route) { site.vpn_routes.push_back(&route); });
}

void place_in_cen(const model::Model& model, const Users& users, VpcSite& site) {
  const std::string& name = site.vpc->meta.name;
  users.for_each_of<model::CenAttachment, model::Vpc>(
      model, name, [&](const model::CenAttachment& attachment) {
        const auto* cen = model.find<model::Cen>(attachment.cen);
        if (cen == nullptr || !site.cen.empty()) return;
        site.cen = attachment.cen;
        site.cen_number = cen->meta.number;
      });
  users.for_each_of<model::CenRoute, model::Vpc>(model, name, [&](const model::CenRoute& route) {
    if (site.cen == route.cen) site.cen_routes.push_back(&route);
  });
}

}  // namespace

bool VpcSite::stands_on(const model::Node* node) const {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

const model::VSwitch* VpcSite::vswitch_around(const net::Prefix& prefix) const {
  const auto after = std::upper_bound(by_address_.begin(), by_address_.end(), prefix.address(),
                                      [](const net::Address& address, const model::VSwitch* each) {
                                        return address < each->cidr.address();
                                      });
  if (after == by_address_.begin()) return nullptr;
  const model::VSwitch* before = *std::prev(after);
  return before->cidr.contains(prefix) ? before : nullptr;
}

VpcSite place(const model::Model& model, const Users& users, const model::Vpc& vpc) {
  VpcSite site;
  site.vpc = &vpc;
  site.vrf = nodestate::VrfId(vpc.meta.number);
  site.label = nodestate::Label(kFirstLabel + vpc.meta.number);
  place_instances(model, users, site);
  place_gateway(model, users, site);
  place_in_cen(model, users, site);
  std::sort(site.nodes.begin(), site.nodes.end(), by_number<model::Node>);
  site.by_address_ = site.vswitches;
  std::sort(site.by_address_.begin(), site.by_address_.end(),
            [](const auto* a, const auto* b) { return a->cidr < b->cidr; });
  return site;
}

nodestate::TunnelId tunnel_of(const model::IpsecConnection& connection) {
  return nodestate::TunnelId(connection.meta.number);
}
nodestate::TunnelId link_to(const model::Node& peer) {
  return nodestate::TunnelId(nodestate::kLinkBit | peer.meta.number);
}
nodestate::PortId port_of(const model::Instance& instance) {
  return nodestate::PortId(instance.meta.number);
}

}  // namespace farspan::compiler
