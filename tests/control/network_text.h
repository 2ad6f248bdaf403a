// SPDX-License-Identifier: Apache-2.0
// A company's network as documents: regions of two nodes, a Vpc with applications on both, ten
// offices each, all in one Cen.
#pragma once

#include <string>
#include <vector>

#include "farspan/store/store.h"

namespace farspan::control {

inline constexpr int kRegions = 5;
inline constexpr int kOfficesPerRegion = 10;
inline constexpr int kOffices = kRegions * kOfficesPerRegion;

inline std::string document(const std::string& kind, const std::string& name,
                            const std::string& spec) {
  return "---\nkind: " + kind + "\nname: " + name + "\nspec: {" + spec + "}\n";
}

inline std::string region_name(int region) { return "region-" + std::to_string(region); }
inline std::string node_name(int region, char which) {
  return "node-" + std::to_string(region) + which;
}
inline std::string office_name(int office) { return "office-" + std::to_string(office); }
inline int region_of(int office) { return office / kOfficesPerRegion; }
inline std::string lan_of(int office) {
  return "10." + std::to_string(region_of(office)) + "." + std::to_string(office) + ".0/24";
}

inline std::string node_text(int region, char which) {
  return document("Node", node_name(region, which),
                  "region: " + region_name(region) + ", public_address: 192.0.2." +
                      std::to_string(10 * region + (which == 'a' ? 1 : 2)));
}

inline std::string instance_text(int region, char which) {
  const std::string name = region_name(region);
  return document("Instance", "app-" + std::to_string(region) + which,
                  "vswitch: " + name + ", address: 172." + std::to_string(16 + region) + ".1." +
                      (which == 'a' ? "10" : "11") + ", security_groups: [" + name +
                      "], node: " + node_name(region, which));
}

inline std::string group_text(int region, const std::string& rules) {
  return document("SecurityGroup", region_name(region),
                  "vpc: " + region_name(region) + ", rules: [" + rules + "]");
}

inline std::string attachment_text(int region) {
  return document("CenAttachment", region_name(region), "cen: global, vpc: " + region_name(region));
}

inline std::string publication_text(int office) {
  return document(
      "CenRoute", office_name(office),
      "cen: global, vpc: " + region_name(region_of(office)) + ", destination: " + lan_of(office));
}

/// A customer gateway, its connection and the route into it.
inline std::string office_text(int office, const std::string& psk) {
  const std::string name = office_name(office), region = region_name(region_of(office));
  return document("CustomerGateway", name, "address: 198.51.100." + std::to_string(office + 1)) +
         document("IpsecConnection", name,
                  "vpn_gateway: " + region + ", customer_gateway: " + name +
                      ", local_subnets: [0.0.0.0/0], remote_subnets: [" + lan_of(office) +
                      "], ike: {psk: " + psk + "}") +
         document("VpnRoute", name,
                  "vpn_gateway: " + region + ", destination: " + lan_of(office) +
                      ", ipsec_connection: " + name + ", published: true");
}

inline std::string region_text(int region) {
  const std::string name = region_name(region), second = std::to_string(16 + region);
  return document("Region", name, "") + node_text(region, 'a') + node_text(region, 'b') +
         document("Vpc", name, "region: " + name + ", cidr_blocks: [172." + second + ".0.0/16]") +
         document("VSwitch", name, "vpc: " + name + ", cidr: 172." + second + ".1.0/24") +
         group_text(region, "") + instance_text(region, 'a') + instance_text(region, 'b') +
         document("VpnGateway", name, "vpc: " + name + ", node: " + node_name(region, 'a')) +
         attachment_text(region);
}

inline std::string whole_network() {
  std::string text = document("Cen", "global", "");
  for (int region = 0; region < kRegions; ++region) text += region_text(region);
  for (int office = 0; office < kOffices; ++office)
    text += office_text(office, "psk-of-" + office_name(office)) + publication_text(office);
  return text;
}

}  // namespace farspan::control
