// SPDX-License-Identifier: Apache-2.0
// NodeState: everything one node must do, as flat tables keyed by id.
//
// Made by the compiler, carried to the agent, kept on its disk, and turned into tables, connections
// and ports there. Tables refer to each other by id only, so that a delta is a set of upserts and
// removals (delta.h) and unchanged rows cost nothing. A value: never changed after it was
// published.
//
//   Port ──▶ Vrf ◀── Route ──▶ Tunnel (an office's connection, or a link to another node)
//     └────▶ SecurityGroup         └─ with a label on links: which VRF over there
//
// Not here: what a person declared (model/), the hot structures (dataplane/).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "farspan/base/persistent_map.h"
#include "farspan/base/strong_id.h"
#include "farspan/net/address.h"

namespace farspan::nodestate {

using VrfId = StrongId<struct VrfIdTag, uint32_t>;    // = number of the Vpc
using PortId = StrongId<struct PortIdTag, uint32_t>;  // = number of the Instance
// = number of the SecurityGroup
using SecurityGroupId = StrongId<struct SecurityGroupIdTag, uint32_t>;
/// if_id of charon's configuration: the number of the IpsecConnection, or kLinkBit | number of the
/// peer node.
using TunnelId = StrongId<struct TunnelIdTag, uint32_t>;
inline constexpr uint32_t kLinkBit = 0x80000000;

/// MPLS label (RFC 3032): 16 + number of the Vpc, the same on every node, below 2^20.
using Label = StrongId<struct LabelTag, uint32_t>;

struct Vrf {
  std::string vpc;
  net::Address router;  // source of the ICMP errors of this VRF and hop seen by traceroute: the
                        // gateway address of its first vSwitch, 0.0.0.0 when it has none yet
  Label label;          // packets with this label on a link belong to this VRF
  uint32_t flow_domain = 0;  // number of its Cen, within which addresses are unique; 0: in none
  bool operator==(const Vrf&) const = default;
};

/// Where one instance is plugged in.
struct Port {
  std::string instance;
  VrfId vrf;
  std::string netns;     // the TAP is put into /run/netns/<netns>; empty: the agent's own namespace
  net::Address address;  // the instance's only source address
  net::Prefix subnet;    // its vSwitch
  net::Address gateway;  // its default route; answers ARP and ping
  net::MacAddress mac;   // of the instance's end: 02:fs… made from the number
  std::vector<SecurityGroupId> security_groups;
  bool operator==(const Port&) const = default;
};

enum class RuleAction : uint8_t { kAccept, kDrop };

struct Rule {
  uint8_t protocol = 0;                      // IP protocol number; 0: any
  uint16_t port_low = 0, port_high = 65535;  // destination port, TCP and UDP only
  net::Prefix peer;                          // source on ingress, destination on egress
  RuleAction action = RuleAction::kAccept;
  uint16_t priority = 1;  // 0 is before every declared rule: members of an open group
  auto operator<=>(const Rule&) const = default;
};

/// Rules sorted by (priority, drop first). Nothing fits: ingress drops, egress accepts.
struct SecurityGroup {
  std::string name;
  std::vector<Rule> ingress, egress;
  bool operator==(const SecurityGroup&) const = default;
};

/// Phase 1 and 2 of one tunnel, in the words charon's configuration uses.
struct Ike {
  uint8_t version = 2;
  bool is_aggressive = false;
  net::Address local, remote;
  std::string local_id, remote_id;
  std::string ike_proposal;  // "aes256-sha256-modp2048"
  std::string esp_proposal;  // "aes256gcm16-modp2048-esn-noesn"
  uint32_t ike_lifetime_seconds = 86400, esp_lifetime_seconds = 86400;
  uint32_t replay_window_packets = 1024;
  std::vector<net::Prefix> local_subnets, remote_subnets;  // traffic selectors
  bool has_dpd = true;
  bool is_start_now = true;  // false: on the first packet (trap)
  bool operator==(const Ike&) const = default;
};

struct OfficeTunnel {
  std::string connection;  // IpsecConnection
  VrfId vrf;               // what it decrypts is routed here
  std::string psk;         // secret
  // where packets may come from although the way back to there is another tunnel of this gateway: a
  // feasible path (RFC 3704 §2.3)
  std::vector<net::Prefix> feasible_sources = {};
  bool operator==(const OfficeTunnel&) const = default;
};

struct LinkTunnel {
  std::string
      peer_node;  // authenticates with a certificate of the controller's CA for ike.remote_id
  std::set<Label> labels = {};  // those the peer has a route for: nothing else is taken from it
  bool operator==(const LinkTunnel&) const = default;
};

struct Tunnel {
  Ike ike;
  std::variant<OfficeTunnel, LinkTunnel> use;
  uint32_t mtu = 0;  // of outer packets, as declared; 0: none is
  bool operator==(const Tunnel&) const = default;
};

/// Which of a VRF's two tables: packets from instances and links see the Vpc's, packets that an
/// office's tunnel brought in see the gateway's, which is the Vpc's and the gateway's unpublished
/// routes.
enum class TableKind : uint8_t { kVpc, kGateway };

struct RouteKey {
  VrfId vrf;
  TableKind table = TableKind::kVpc;
  net::Prefix destination;
  // policy-based: only packets from here; tried before the plain route
  std::optional<net::Prefix> source;
  auto operator<=>(const RouteKey&) const = default;
};

struct ToPort {
  PortId port;
  bool operator==(const ToPort&) const = default;
};
struct ToRouter {  // an address of the VRF itself: answered by the node
  bool operator==(const ToRouter&) const = default;
};
struct ToTunnel {
  TunnelId tunnel;
  std::optional<Label> label;  // on links
  bool operator==(const ToTunnel&) const = default;
};
struct Unreachable {  // inside a vSwitch, where no instance has the address: ICMP host unreachable
  bool operator==(const Unreachable&) const = default;
};
using NextHop = std::variant<ToPort, ToRouter, ToTunnel, Unreachable>;

// Tables share what two generations have in common; large rows are held by pointer.
using Vrfs = PersistentMap<VrfId, Vrf>;
using Ports = PersistentMap<PortId, Port, true>;
using SecurityGroups = PersistentMap<SecurityGroupId, SecurityGroup, true>;
using Tunnels = PersistentMap<TunnelId, Tunnel, true>;
using Routes = PersistentMap<RouteKey, NextHop>;

struct NodeState {
  std::string node;
  uint64_t generation = 0;
  Vrfs vrfs;
  Ports ports;
  SecurityGroups security_groups;
  Tunnels tunnels;
  Routes routes;
  bool operator==(const NodeState&) const = default;
};

}  // namespace farspan::nodestate
