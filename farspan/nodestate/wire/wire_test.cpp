// SPDX-License-Identifier: Apache-2.0
#include "farspan/nodestate/wire/wire.h"

#include <gtest/gtest.h>

#include <functional>

#include "farspan/nodestate/random_state.h"
#include "farspan/v1/node_state.pb.h"

namespace farspan::nodestate::wire {
namespace {

TEST(Wire, DeltaComesBackAsItWent) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    RandomState random(seed);
    const NodeState a = random.next(1), b = random.next(2);
    for (const Delta& delta : {diff(a, b), snapshot(a)}) {
      const auto back = parse(serialize(delta));
      ASSERT_TRUE(back.ok()) << "seed " << seed << ": " << back.error().text();
      ASSERT_EQ(*back, delta) << "seed " << seed;
    }
  }
}

// One good delta with a row of every kind, then one thing wrong with it.
v1::Delta good() {
  v1::Delta delta;
  delta.set_node("virginia");
  delta.set_from_generation(3);
  delta.set_to_generation(4);
  auto* vrf = delta.add_vrfs();
  vrf->set_id(1);
  vrf->set_vpc("us-east");
  vrf->set_router("172.16.1.1");
  vrf->set_label(17);
  auto* port = delta.add_ports();
  port->set_id(5);
  port->set_instance("app");
  port->set_vrf(1);
  port->set_address("172.16.1.10");
  port->set_subnet("172.16.1.0/24");
  port->set_gateway("172.16.1.1");
  port->set_mac(std::string("\x02\xf5\0\0\0\x05", 6));
  port->add_security_groups(2);
  auto* group = delta.add_security_groups();
  group->set_id(2);
  group->set_name("web");
  auto* rule = group->add_ingress();
  rule->set_protocol(6);
  rule->set_port_low(80);
  rule->set_port_high(80);
  rule->set_peer("10.0.0.0/8");
  rule->set_priority(1);
  auto* tunnel = delta.add_tunnels();
  tunnel->set_id(7);
  tunnel->mutable_office()->set_connection("office-1");
  tunnel->mutable_office()->set_vrf(1);
  tunnel->mutable_office()->set_psk("secret");
  auto* ike = tunnel->mutable_ike();
  ike->set_version(2);
  ike->set_local("192.0.2.1");
  ike->set_remote("198.51.100.1");
  ike->set_local_id("192.0.2.1");
  ike->set_remote_id("198.51.100.1");
  ike->set_ike_proposal("aes256-sha256-modp2048");
  ike->set_esp_proposal("aes256gcm16");
  ike->add_local_subnets("0.0.0.0/0");
  ike->add_remote_subnets("10.10.10.0/24");
  auto* route = delta.add_routes();
  route->mutable_key()->set_vrf(1);
  route->mutable_key()->set_destination("10.10.10.0/24");
  route->mutable_next_hop()->mutable_tunnel()->set_tunnel(7);
  delta.add_removed_ports(9);
  return delta;
}

struct Wrong {
  const char* text;  // of the refusal, without the remedy
  std::function<void(v1::Delta&)> make;
};

TEST(Wire, EveryWrongFieldIsRefusedByRowFieldAndValue) {
  ASSERT_TRUE(from_proto(good()).ok());
  const Wrong cases[] = {
      {"Delta: node is empty", [](auto& d) { d.clear_node(); }},
      {"Delta: to_generation goes back", [](auto& d) { d.set_to_generation(2); }},
      {"Delta: from_generation is set in a snapshot", [](auto& d) { d.set_is_snapshot(true); }},
      {"Delta: removed rows stand in a snapshot",
       [](auto& d) { d.set_is_snapshot(true), d.set_from_generation(0); }},
      {"Vrf 'us-east': router 'x' is not an address",
       [](auto& d) { d.mutable_vrfs(0)->set_router("x"); }},
      {"Vrf 'us-east': label 15 is not within 16-1048575",
       [](auto& d) { d.mutable_vrfs(0)->set_label(15); }},
      {"Vrf 'us-east': id is 0", [](auto& d) { d.mutable_vrfs(0)->set_id(0); }},
      {"Delta: vrfs names one row twice", [](auto& d) { *d.add_vrfs() = d.vrfs(0); }},
      {"Delta: removed_vrfs names one row twice", [](auto& d) { d.add_removed_vrfs(1); }},
      {"Delta: removed_ports names one row twice", [](auto& d) { d.add_removed_ports(9); }},
      {"Delta: removed rows one has the id 0", [](auto& d) { d.add_removed_tunnels(0); }},
      {"Instance 'app': subnet '172.16.1.1/24' is not a prefix",
       [](auto& d) { d.mutable_ports(0)->set_subnet("172.16.1.1/24"); }},
      {"Instance 'app': netns '../x' is not a file name",
       [](auto& d) { d.mutable_ports(0)->set_netns("../x"); }},
      {"Instance 'app': mac is no MAC address of a station",
       [](auto& d) { d.mutable_ports(0)->set_mac("12345"); }},
      {"Instance 'app': mac is no MAC address of a station",
       [](auto& d) { d.mutable_ports(0)->set_mac(std::string(6, '\xff')); }},
      {"SecurityGroup 'web': protocol 256 is not within 0-255",
       [](auto& d) { d.mutable_security_groups(0)->mutable_ingress(0)->set_protocol(256); }},
      {"SecurityGroup 'web': port_high 79 is not within 80-65535",
       [](auto& d) { d.mutable_security_groups(0)->mutable_ingress(0)->set_port_high(79); }},
      {"Tunnel 'office-1': ike.version 3 is not within 1-2",
       [](auto& d) { d.mutable_tunnels(0)->mutable_ike()->set_version(3); }},
      {"Tunnel 'office-1': ike.local_id 'a?b' holds control characters",
       [](auto& d) { d.mutable_tunnels(0)->mutable_ike()->set_local_id("a\nb"); }},
      {"Tunnel 'office-1': psk is longer than 128 bytes",
       [](auto& d) { d.mutable_tunnels(0)->mutable_office()->set_psk(std::string(129, 'x')); }},
      {"Tunnel 'office-1': id 2147483655 is a link's",
       [](auto& d) { d.mutable_tunnels(0)->set_id(kLinkBit | 7); }},
      {"Tunnel 7: use is not set", [](auto& d) { d.mutable_tunnels(0)->clear_use(); }},
      {"Tunnel 7: id 7 is an IpsecConnection's",
       [](auto& d) { d.mutable_tunnels(0)->mutable_link()->set_peer_node("shanghai"); }},
      {"Tunnel 'office-1': ike.remote_subnets has 65 entries, at most 64 are allowed",
       [](auto& d) {
         for (int i = 0; i < 64; ++i)
           d.mutable_tunnels(0)->mutable_ike()->add_remote_subnets("10.0.0.0/8");
       }},
      {"Route '10.10.10.0/24': table 9 is no kind of table",
       [](auto& d) {
         d.mutable_routes(0)->mutable_key()->set_table(static_cast<v1::TableKind>(9));
       }},
      {"Route '10.10.10.0/24': next_hop is not set",
       [](auto& d) { d.mutable_routes(0)->mutable_next_hop()->Clear(); }},
      {"Route '10.10.10.0/24': next_hop.tunnel.label 1048576 is not within 16-1048575",
       [](auto& d) {
         d.mutable_routes(0)->mutable_next_hop()->mutable_tunnel()->set_label(1 << 20);
       }},
      {"Route '10.10.10.0/24': source is of another family than destination",
       [](auto& d) { d.mutable_routes(0)->mutable_key()->set_source("2001:db8::/32"); }},
  };
  for (const Wrong& wrong : cases) {
    v1::Delta delta = good();
    wrong.make(delta);
    auto read = from_proto(delta);
    ASSERT_FALSE(read.ok()) << wrong.text;
    Error error = read.error();
    EXPECT_EQ(error.code, ErrorCode::kInvalid);
    EXPECT_FALSE(error.remedy.empty());
    error.remedy.clear();
    EXPECT_EQ(error.text(), wrong.text);
  }
}

TEST(Wire, BytesThatAreNoDeltaAreRefused) {
  EXPECT_FALSE(parse("\xff\xff\xff").ok());
  EXPECT_FALSE(parse("").ok());  // an empty message names no node
}

}  // namespace
}  // namespace farspan::nodestate::wire
