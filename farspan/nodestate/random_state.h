// SPDX-License-Identifier: Apache-2.0
// random_state: states and neighbours of states for the property tests of this folder and of wire/.
//
// Keys come from a small pool so that two random states share, change and lack rows in all
// combinations. Rows need not refer to each other (deltas do not know about references) but are
// well-formed, so that the wire carries them. The seed is the test's; nothing else is random.
#pragma once

#include <random>

#include "farspan/nodestate/node_state.h"

namespace farspan::nodestate {

class RandomState {
 public:
  explicit RandomState(uint32_t seed) : rng_(seed) {}

  NodeState next(uint64_t generation) {
    NodeState state;
    state.node = "virginia";
    state.generation = generation;
    for (uint32_t id = 1; id <= 8; ++id) {
      if (coin()) state.vrfs.emplace(VrfId(id), vrf());
      if (coin()) state.ports.emplace(PortId(id), port());
      if (coin()) state.security_groups.emplace(SecurityGroupId(id), group());
      if (coin()) state.tunnels.emplace(TunnelId(id), tunnel(id));
      if (coin()) state.tunnels.emplace(TunnelId(kLinkBit | id), link(id));
    }
    for (int i = below(20); i > 0; --i) state.routes.insert_or_assign(route_key(), next_hop());
    return state;
  }

  int below(int limit) { return static_cast<int>(rng_() % static_cast<uint32_t>(limit)); }
  bool coin() { return below(2) == 0; }

 private:
  uint32_t number(uint32_t limit) { return static_cast<uint32_t>(rng_() % limit); }

  net::Address address() {
    if (below(4) > 0) return net::Address::v4(0x0a000000 + number(4));
    return net::Address::v6({0x20, 0x01, 0x0d, 0xb8, static_cast<uint8_t>(number(3))});
  }
  net::Prefix prefix() {
    const net::Address inside = address();
    return net::Prefix::covering(inside, below(inside.bits() + 1));
  }
  std::vector<net::Prefix> prefixes() {
    std::vector<net::Prefix> list(number(3));
    for (auto& one : list) one = prefix();
    return list;
  }
  Vrf vrf() {
    return {"vpc-" + std::to_string(number(2)), address(), Label(16 + number(3)), number(3)};
  }
  Port port() {
    Port port;
    port.instance = "app-" + std::to_string(number(2));
    port.vrf = VrfId(1 + number(3));
    port.netns = coin() ? "" : "app";
    port.address = address();
    port.subnet = prefix();
    port.gateway = address();
    port.mac.bytes = {0x02, 0xf5, 0, 0, 0, static_cast<uint8_t>(number(4))};
    for (uint32_t i = number(3); i > 0; --i) port.security_groups.emplace_back(i);
    return port;
  }
  std::vector<Rule> rules() {
    std::vector<Rule> list(number(3));
    for (Rule& rule : list) {
      rule.protocol = static_cast<uint8_t>(number(3) * 6);
      rule.port_low = static_cast<uint16_t>(number(100));
      rule.port_high = static_cast<uint16_t>(rule.port_low + number(10));
      rule.peer = prefix();
      rule.action = coin() ? RuleAction::kAccept : RuleAction::kDrop;
      rule.priority = static_cast<uint16_t>(number(101));
    }
    return list;
  }
  SecurityGroup group() { return {"sg-" + std::to_string(number(2)), rules(), rules()}; }
  Ike ike() {
    Ike ike;
    ike.version = coin() ? 1 : 2;
    ike.is_aggressive = ike.version == 1 && coin();
    ike.local = address();
    ike.remote = address();
    ike.local_id = "node";
    ike.remote_id = "198.51.100." + std::to_string(number(3));
    ike.ike_proposal = "aes256-sha256-modp2048";
    ike.esp_proposal = coin() ? "aes256gcm16-modp2048-esn-noesn" : "aes128-sha1";
    ike.ike_lifetime_seconds = 60 + number(3);
    ike.esp_lifetime_seconds = 60 + number(3);
    ike.local_subnets = prefixes();
    ike.remote_subnets = prefixes();
    ike.replay_window_packets = 64 + number(3);
    ike.has_dpd = coin();
    ike.is_start_now = coin();
    return ike;
  }
  Tunnel tunnel(uint32_t id) {
    return {ike(),
            OfficeTunnel{"office-" + std::to_string(id), VrfId(1 + number(3)),
                         coin() ? "secret" : "other", prefixes()},
            coin() ? 0 : 576 + number(3)};
  }
  Tunnel link(uint32_t id) {
    LinkTunnel link{"node-" + std::to_string(id)};
    for (uint32_t i = number(3); i > 0; --i) link.labels.emplace(16 + number(3));
    return {ike(), std::move(link)};
  }
  RouteKey route_key() {
    RouteKey key{VrfId(1 + number(3)), coin() ? TableKind::kVpc : TableKind::kGateway, prefix(),
                 std::nullopt};
    if (below(3) == 0) {
      const net::Address inside = address();
      if (inside.family() == key.destination.family())
        key.source = net::Prefix::covering(inside, below(33));
    }
    return key;
  }
  NextHop next_hop() {
    switch (below(5)) {
      case 0:
        return ToPort{PortId(1 + number(4))};
      case 1:
        return ToRouter{};
      case 2:
        return ToTunnel{TunnelId(1 + number(4)), std::nullopt};
      case 3:
        return ToTunnel{TunnelId(kLinkBit | number(4)), Label(16 + number(3))};
      default:
        return Unreachable{};
    }
  }

  std::mt19937 rng_;
};

}  // namespace farspan::nodestate
