// SPDX-License-Identifier: Apache-2.0
#include "farspan/compiler/placement.h"

#include <algorithm>

namespace farspan::compiler {
namespace {

constexpr uint32_t kFirstLabel = 16;  // 0-15 mean something else (RFC 3032 §2.1)

template <class Resource>
bool by_number(const Resource* a, const Resource* b) {
  return std::tie(a->meta.number, a->meta.name) < std::tie(b->meta.number, b->meta.name);
}

void add_node(VpcSite& site, const model::Node* node) {
  if (node != nullptr && node->region == site.vpc->region && !site.stands_on(node))
    site.nodes.push_back(node);
}

class Builder {
 public:
  explicit Builder(const model::Model& model) : model_(model) {}

  Placement build() {
    for (const auto& [name, vpc] : model_.all<model::Vpc>()) add_vpc(vpc);
    for (const auto& [name, vswitch] : model_.all<model::VSwitch>()) add_vswitch(vswitch);
    for (const auto& [name, instance] : model_.all<model::Instance>()) add_instance(instance);
    for (const auto& [name, gateway] : model_.all<model::VpnGateway>()) add_gateway(gateway);
    for (const auto& [name, connection] : model_.all<model::IpsecConnection>()) {
      if (VpcSite* site = site_of_gateway(connection.vpn_gateway))
        site->connections.push_back(&connection);
    }
    for (const auto& [name, route] : model_.all<model::VpnRoute>()) {
      if (VpcSite* site = site_of_gateway(route.vpn_gateway)) site->vpn_routes.push_back(&route);
    }
    for (const auto& [name, attachment] : model_.all<model::CenAttachment>()) {
      VpcSite* site = site_of(attachment.vpc);
      const auto* cen = model_.find<model::Cen>(attachment.cen);
      if (site == nullptr || cen == nullptr || !site->cen.empty()) continue;
      site->cen = attachment.cen;
      site->cen_number = cen->meta.number;
    }
    for (const auto& [name, route] : model_.all<model::CenRoute>()) {
      VpcSite* site = site_of(route.vpc);
      if (site != nullptr && site->cen == route.cen) site->cen_routes.push_back(&route);
    }
    return finish();
  }

 private:
  VpcSite* site_of(const std::string& vpc) {
    const auto found = sites_.find(vpc);
    return found == sites_.end() ? nullptr : &found->second;
  }
  VpcSite* site_of_gateway(const std::string& name) {
    const auto* gateway = model_.find<model::VpnGateway>(name);
    VpcSite* site = gateway != nullptr ? site_of(gateway->vpc) : nullptr;
    return site != nullptr && site->gateway == gateway ? site : nullptr;
  }
  void add_vpc(const model::Vpc& vpc) {
    VpcSite& site = sites_[vpc.meta.name];
    site.vpc = &vpc;
    site.vrf = nodestate::VrfId(vpc.meta.number);
    site.label = nodestate::Label(kFirstLabel + vpc.meta.number);
  }
  void add_vswitch(const model::VSwitch& vswitch) {
    if (VpcSite* site = site_of(vswitch.vpc)) site->vswitches.push_back(&vswitch);
  }
  void add_instance(const model::Instance& instance) {
    const auto* vswitch = model_.find<model::VSwitch>(instance.vswitch);
    VpcSite* site = vswitch != nullptr ? site_of(vswitch->vpc) : nullptr;
    if (site == nullptr) return;
    site->instances[vswitch].push_back(&instance);
    add_node(*site, model_.find<model::Node>(instance.node));
  }
  void add_gateway(const model::VpnGateway& gateway) {
    VpcSite* site = site_of(gateway.vpc);
    const auto* node = model_.find<model::Node>(gateway.node);
    if (site == nullptr || node == nullptr || site->gateway != nullptr) return;
    site->gateway = &gateway;
    site->gateway_node = node;
    add_node(*site, node);
  }
  Placement finish() {
    Placement placement;
    for (auto& [name, site] : sites_) {
      std::sort(site.vswitches.begin(), site.vswitches.end(), by_number<model::VSwitch>);
      std::sort(site.nodes.begin(), site.nodes.end(), by_number<model::Node>);
      placement.sites.push_back(std::move(site));
    }
    std::sort(placement.sites.begin(), placement.sites.end(),
              [](const VpcSite& a, const VpcSite& b) { return by_number(a.vpc, b.vpc); });
    return placement;
  }

  const model::Model& model_;
  std::map<std::string, VpcSite> sites_;
};

}  // namespace

bool VpcSite::stands_on(const model::Node* node) const {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

const model::VSwitch* VpcSite::vswitch_around(const net::Prefix& prefix) const {
  const auto found =
      std::find_if(vswitches.begin(), vswitches.end(),
                   [&](const model::VSwitch* vswitch) { return vswitch->cidr.contains(prefix); });
  return found == vswitches.end() ? nullptr : *found;
}

const VpcSite* Placement::find(const std::string& vpc) const {
  const auto found = std::find_if(sites.begin(), sites.end(),
                                  [&](const VpcSite& site) { return site.vpc->meta.name == vpc; });
  return found == sites.end() ? nullptr : &*found;
}

Placement place(const model::Model& model) { return Builder(model).build(); }

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
