// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/table_builder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include "farspan/net/address.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {
namespace {

using ::testing::HasSubstr;

// One VRF with an instance, an office and a link to another node.
constexpr const char* kOneOfEach = R"(
  generation: 4
  vrfs { id: 3 vpc: "us-east" router: "172.16.1.253" label: 19 }
  security_groups { id: 8 ingress { protocol: 6 port_low: 80 port_high: 80 peer: "10.0.0.0/8" priority: 1 } }
  tunnels { id: 20 vrf: 3 }
  tunnels { id: 2147483653 is_link: true }
  ports { id: 7 vrf: 3 address: "172.16.1.10" gateway: "172.16.1.253" subnet: "172.16.1.0/24"
          mac: "\002\372\000\000\000\007" security_groups: 8 has_fd: true mtu: 1400 }
  routes { key { vrf: 3 destination: "172.16.1.10/32" } next_hop { port: 7 } }
  routes { key { vrf: 3 destination: "172.16.1.253/32" } next_hop { router { } } }
  routes { key { vrf: 3 destination: "172.16.1.0/24" } next_hop { unreachable { } } }
  routes { key { vrf: 3 destination: "10.10.10.0/24" } next_hop { tunnel { tunnel: 20 } } }
  routes { key { vrf: 3 destination: "172.17.0.0/16" } next_hop { tunnel { tunnel: 2147483653 label: 20 } } }
  routes { key { vrf: 3 table: TABLE_KIND_GATEWAY destination: "10.10.10.0/24" source: "172.16.0.0/16" }
           next_hop { tunnel { tunnel: 20 } } })";

v1::TablesBatch batch_of(const std::string& text) {
  v1::TablesBatch batch;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &batch)) << text;
  return batch;
}

UniqueFd some_fd() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

std::vector<UniqueFd> some_fds(size_t count) {
  std::vector<UniqueFd> fds;
  while (fds.size() < count) fds.push_back(some_fd());
  return fds;
}

size_t fds_of(const v1::TablesBatch& batch) {
  size_t count = 0;
  for (const v1::PortRow& row : batch.ports()) count += row.has_fd() ? 1 : 0;
  return count;
}

std::unique_ptr<const Tables> programmed(TableBuilder& builder, const std::string& text) {
  const v1::TablesBatch batch = batch_of(text);
  auto tables = builder.apply(batch, some_fds(fds_of(batch)));
  EXPECT_TRUE(tables.ok()) << tables.error().text();
  return std::move(tables).value();
}

std::string refusal(TableBuilder& builder, const std::string& text) {
  const v1::TablesBatch batch = batch_of(text);
  const auto tables = builder.apply(batch, some_fds(fds_of(batch)));
  return tables.ok() ? "nothing was refused" : tables.error().text();
}

uint32_t ip(const char* text) { return net::Address::parse(text)->v4(); }

template <class Entries>
int rows_in(const Entries& entries) {
  int rows = 0;
  for (const auto& entry : entries) rows += entry.is_vacant ? 0 : 1;
  return rows;
}

Adjacency route(const Tables& tables, const char* destination, TableKind kind = TableKind::kVpc,
                const char* source = "0.0.0.0") {
  return tables.fib.lookup(VrfIndex(0), kind, ip(source), ip(destination));
}

}  // namespace

TEST(TableBuilder, TheFirstSnapshotIsEmpty) {
  TableBuilder builder;
  const auto tables = builder.first();
  EXPECT_EQ(tables->generation, 0u);
  EXPECT_EQ(tables->version, TablesVersion(1));
  EXPECT_TRUE(tables->ports.empty() && tables->tunnels.empty() && tables->vrfs.empty());
}

TEST(TableBuilder, MakesRowsOfABatchFindable) {
  TableBuilder builder;
  const auto tables = programmed(builder, kOneOfEach);
  EXPECT_EQ(tables->generation, 4u);
  ASSERT_EQ(rows_in(tables->ports), 1);
  const PortEntry& port = tables->ports[0];
  EXPECT_EQ(port.id, PortId(7));
  EXPECT_EQ(port.address, ip("172.16.1.10"));
  EXPECT_EQ(port.mtu, 1400);
  EXPECT_EQ(port.mac, (std::array<uint8_t, 6>{2, 0xFA, 0, 0, 0, 7}));
  ASSERT_TRUE(port.tap && port.tap->valid());
  EXPECT_EQ(port.rules->evaluate(RuleDirection::kIngress, 6, 80, ip("10.1.1.1")),
            RuleVerdict::kAccept);
  EXPECT_EQ(port.rules->evaluate(RuleDirection::kIngress, 6, 81, ip("10.1.1.1")),
            RuleVerdict::kDrop);

  EXPECT_EQ(tables->find_label(19), VrfIndex(0));
  EXPECT_EQ(tables->find_label(20), std::nullopt);
  EXPECT_EQ(tables->at(VrfIndex(0)).router, ip("172.16.1.253"));
  const TunnelIndex office = *tables->find_tunnel(TunnelId(20));
  const TunnelIndex link = *tables->find_tunnel(TunnelId(2147483653));
  EXPECT_FALSE(tables->at(office).is_link);
  EXPECT_TRUE(tables->at(link).is_link);

  EXPECT_EQ(route(*tables, "172.16.1.10"), Adjacency::to_port(PortIndex(0)));
  EXPECT_EQ(route(*tables, "172.16.1.11"), Adjacency::unreachable());
  EXPECT_EQ(route(*tables, "172.16.1.253"), Adjacency::to_router());
  EXPECT_EQ(route(*tables, "10.10.10.1"), Adjacency::to_tunnel(office));
  EXPECT_EQ(route(*tables, "172.17.1.10"), Adjacency::to_tunnel(link, 20));
  EXPECT_EQ(route(*tables, "192.0.2.1"), Adjacency::none());
  EXPECT_EQ(route(*tables, "10.10.10.1", TableKind::kGateway, "172.16.1.10"),
            Adjacency::to_tunnel(office));
  EXPECT_EQ(route(*tables, "10.10.10.1", TableKind::kGateway, "10.10.20.1"), Adjacency::none());
}

TEST(TableBuilder, RowsKeepTheirPlaceCountersAndDescriptor) {
  TableBuilder builder;
  const auto before = programmed(builder, kOneOfEach);
  const std::string second_port =
      R"(ports { id: 5 vrf: 3 address: "172.16.1.11" gateway: "172.16.1.253" subnet: "172.16.1.0/24"
                 mac: "\002\372\000\000\000\005" })";
  const auto added = programmed(builder, "generation: 5 " + second_port);
  ASSERT_EQ(rows_in(added->ports), 2);
  EXPECT_EQ(added->ports[0].id, PortId(7)) << "a new row moves no other";
  EXPECT_EQ(added->ports[0].counters, before->ports[0].counters);
  EXPECT_EQ(added->ports[0].tap, before->ports[0].tap);
  EXPECT_EQ(added->ports[1].tap, nullptr);

  const auto changed = programmed(builder, R"(generation: 6
    ports { id: 7 vrf: 3 address: "172.16.1.12" gateway: "172.16.1.253" subnet: "172.16.1.0/24"
            mac: "\002\372\000\000\000\007" })");
  EXPECT_EQ(changed->ports[0].address, ip("172.16.1.12"));
  EXPECT_EQ(changed->ports[0].mtu, 1500);
  EXPECT_EQ(changed->ports[0].tap, before->ports[0].tap);
  EXPECT_EQ(changed->ports[0].rules->evaluate(RuleDirection::kIngress, 6, 80, ip("10.1.1.1")),
            RuleVerdict::kDrop);

  const auto removed = programmed(builder, R"(generation: 7 removed_ports: 7
    removed_routes { vrf: 3 destination: "172.16.1.10/32" })");
  EXPECT_TRUE(removed->ports[0].is_vacant);
  EXPECT_EQ(route(*removed, "172.16.1.10"), Adjacency::unreachable());
  const auto replaced = programmed(builder, R"(generation: 8
    ports { id: 9 vrf: 3 address: "172.16.1.10" gateway: "172.16.1.253" subnet: "172.16.1.0/24"
            mac: "\002\372\000\000\000\011" })");
  EXPECT_EQ(replaced->ports[0].id, PortId(9));
  EXPECT_NE(replaced->ports[0].counters, before->ports[0].counters);
}

TEST(TableBuilder, ARowReplacedInOneBatchKeepsThePlaceRoutesPointTo) {
  TableBuilder builder;
  programmed(builder, kOneOfEach);
  const auto tables = programmed(builder, R"(generation: 5 removed_ports: 7
    ports { id: 2 vrf: 3 address: "172.16.1.11" gateway: "172.16.1.253" subnet: "172.16.1.0/24"
            mac: "\002\372\000\000\000\002" }
    ports { id: 7 vrf: 3 address: "172.16.1.10" gateway: "172.16.1.253" subnet: "172.16.1.0/24"
            mac: "\002\372\000\000\000\007" })");
  const Adjacency adjacency = route(*tables, "172.16.1.10");
  ASSERT_EQ(adjacency.kind, AdjacencyKind::kPort);
  EXPECT_EQ(tables->at(adjacency.port()).id, PortId(7));
  EXPECT_EQ(tables->at(adjacency.port()).tap, nullptr);
}

TEST(TableBuilder, ASnapshotTakesAwayWhatItDoesNotHave) {
  TableBuilder builder;
  const auto before = programmed(builder, kOneOfEach);
  const auto tables = programmed(builder, R"(generation: 9 is_snapshot: true
    vrfs { id: 3 router: "0.0.0.0" label: 19 }
    ports { id: 7 vrf: 3 address: "172.16.1.10" gateway: "172.16.1.253" subnet: "172.16.1.0/24"
            mac: "\002\372\000\000\000\007" }
    routes { key { vrf: 3 destination: "0.0.0.0/0" } next_hop { port: 7 } })");
  EXPECT_EQ(tables->ports[0].tap, before->ports[0].tap)
      << "a reconciling agent has no descriptors to send";
  EXPECT_EQ(tables->find_tunnel(TunnelId(20)), std::nullopt);
  EXPECT_EQ(route(*tables, "10.10.10.1"), Adjacency::to_port(PortIndex(0)));
  EXPECT_EQ(route(*tables, "10.10.10.1", TableKind::kGateway), Adjacency::none());
  EXPECT_THAT(refusal(builder, "is_snapshot: true removed_vrfs: 3"),
              HasSubstr("comes with removals"));
}

TEST(TableBuilder, TablesThatDidNotChangeAreShared) {
  TableBuilder builder;
  const auto before = programmed(builder, kOneOfEach);
  const auto after = programmed(builder, R"(generation: 5
    routes { key { vrf: 3 destination: "10.10.20.0/24" } next_hop { tunnel { tunnel: 20 } } })");
  EXPECT_EQ(route(*before, "10.10.20.1"), Adjacency::none())
      << "a published snapshot never changes";
  EXPECT_EQ(route(*after, "10.10.20.1"), route(*before, "10.10.10.1"));
}

TEST(TableBuilder, ADeadDeviceIsDroppedFromThePort) {
  TableBuilder builder;
  const auto before = programmed(builder, kOneOfEach);
  const UniqueFd* const device = before->ports[0].tap.get();
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(builder.drop_tap(PortId(8), device), nullptr);
  const auto tables = builder.drop_tap(PortId(7), device);
  ASSERT_NE(tables, nullptr);
  EXPECT_EQ(tables->ports[0].tap, nullptr);
  EXPECT_EQ(builder.drop_tap(PortId(7), device), nullptr);
}

TEST(TableBuilder, ADeviceThatTookTheDeadOnesPlaceIsKept) {
  TableBuilder builder;
  const auto before = programmed(builder, kOneOfEach);
  const auto after = programmed(builder, kOneOfEach);
  ASSERT_NE(after->ports[0].tap, before->ports[0].tap);
  EXPECT_EQ(builder.drop_tap(PortId(7), before->ports[0].tap.get()), nullptr);
}

TEST(TableBuilder, RefusesByNameAndChangesNothing) {
  const std::pair<const char*, const char*> cases[] = {
      {R"(vrfs { id: 4 router: "172.16.1.300" label: 30 })",
       "vrf 4: router '172.16.1.300' is no IPv4 address"},
      {R"(vrfs { id: 4 router: "2001:db8::1" label: 30 })",
       "vrf 4: router '2001:db8::1' is no IPv4 address"},
      {R"(vrfs { id: 4 router: "0.0.0.0" label: 15 })",
       "vrf 4: label 15 is not within 16 to 1048575"},
      {R"(vrfs { id: 4 router: "0.0.0.0" label: 1048576 })", "vrf 4: label 1048576 is not within"},
      {R"(vrfs { id: 4 router: "0.0.0.0" label: 19 })", "vrf 4: label 19 belongs to vrf 3"},
      {R"(vrfs { router: "0.0.0.0" label: 30 })", "vrf 0: id is missing"},
      {R"(vrfs { id: 4 router: "0.0.0.0" label: 30 } vrfs { id: 4 router: "0.0.0.0" label: 30 })",
       "vrf 4: comes twice in one batch"},
      {"removed_vrfs: 3", "port 7: vrf 3 does not exist"},
      {"removed_security_groups: 8", "port 7: security_groups 8 does not exist"},
      {"removed_ports: 7", "route vrf 3 vpc 172.16.1.10/32: next_hop.port 7 does not exist"},
      {"removed_tunnels: 20 tunnels { id: 20 is_link: true }",
       "route vrf 3 vpc 10.10.10.0/24: next_hop.tunnel.label is missing: tunnel 20 is a link"},
      {"tunnels { id: 2147483653 vrf: 3 }",
       "route vrf 3 vpc 172.17.0.0/16: next_hop.tunnel.label 20 has no meaning: tunnel 2147483653 "
       "is no link"},
      {"removed_tunnels: 20", "route vrf 3 vpc 10.10.10.0/24: next_hop.tunnel 20 does not exist"},
      {R"(security_groups { id: 9 egress { protocol: 256 port_high: 65535 peer: "0.0.0.0/0" } })",
       "security group 9: egress[0].protocol 256 is above 255"},
      {R"(security_groups { id: 9 ingress { port_low: 2 port_high: 1 peer: "0.0.0.0/0" } })",
       "security group 9: ingress[0].port_low 2 to 1 is no range of ports"},
      {R"(security_groups { id: 9 ingress { port_high: 65536 peer: "0.0.0.0/0" } })",
       "no range of ports"},
      {R"(security_groups { id: 9 ingress { port_high: 1 peer: "10.0.0.1/8" } })",
       "security group 9: ingress[0].peer '10.0.0.1/8' is no IPv4 prefix"},
      {R"(security_groups { id: 9 ingress { peer: "0.0.0.0/0" priority: 65536 } })",
       "priority 65536 is above"},
      {"tunnels { id: 21 vrf: 99 }", "tunnel 21: vrf 99 does not exist"},
      {"tunnels { id: 21 vrf: 3 is_link: true }", "tunnel 21: vrf 3 has no meaning on a link"},
      {"tunnels { id: 21 vrf: 3 labels: 19 }",
       "tunnel 21: labels have no meaning on an office's tunnel"},
      {"tunnels { id: 2147483653 is_link: true labels: 15 }",
       "tunnel 2147483653: labels 15 is not within 16 to 1048575"},
      {R"(tunnels { id: 2147483653 is_link: true feasible_sources: "10.0.0.0/8" })",
       "tunnel 2147483653: feasible_sources have no meaning on a link"},
      {R"(tunnels { id: 21 vrf: 3 feasible_sources: "10.0.0.1/8" })",
       "tunnel 21: feasible_sources '10.0.0.1/8' is no IPv4 prefix"},
      {R"(ports { id: 6 vrf: 3 address: "172.16.2.1" gateway: "172.16.1.253" subnet: "172.16.1.0/24" mac: "\002aaaaa" })",
       "port 6: address 172.16.2.1/32 is outside subnet 172.16.1.0/24"},
      {R"(ports { id: 6 vrf: 3 address: "172.16.1.1" gateway: "172.16.2.1" subnet: "172.16.1.0/24" mac: "\002aaaaa" })",
       "port 6: gateway 172.16.2.1/32 is outside subnet"},
      {R"(ports { id: 6 vrf: 3 address: "172.16.1.1" gateway: "172.16.1.2" subnet: "172.16.1.0/24" mac: "\003aaaaa" })",
       "port 6: mac is no unicast address of six bytes"},
      {R"(ports { id: 6 vrf: 3 address: "172.16.1.1" gateway: "172.16.1.2" subnet: "172.16.1.0/24" mac: "\002aaaa" })",
       "port 6: mac is no unicast address of six bytes"},
      {R"(ports { id: 6 vrf: 3 address: "172.16.1.1" gateway: "172.16.1.2" subnet: "172.16.1.0/24" mac: "\002aaaaa" mtu: 67 })",
       "port 6: mtu 67 is not within 68 to 65535"},
      {R"(ports { id: 6 vrf: 3 address: "172.16.1.10" gateway: "172.16.1.2" subnet: "172.16.1.0/24" mac: "\002aaaaa" })",
       "port 7: address 172.16.1.10/32 belongs to port 6"},
      {R"(ports { id: 6 vrf: 3 address: "172.16.1.1" gateway: "172.16.1.2" subnet: "172.16.1.0/24" mac: "\002aaaaa" security_groups: 77 })",
       "port 6: security_groups 77 does not exist"},
      {R"(routes { key { vrf: 3 destination: "10.0.0.0/8" } })",
       "route vrf 3 vpc 10.0.0.0/8: next_hop is missing"},
      {R"(routes { key { vrf: 9 destination: "10.0.0.0/8" } next_hop { router { } } })",
       "route vrf 9 vpc 10.0.0.0/8: vrf 9 does not exist"},
      {R"(routes { key { vrf: 3 table: TABLE_KIND_GATEWAY destination: "10.0.0.0/8" source: "10.0.0.0/8" } next_hop { port: 66 } })",
       "route vrf 3 gateway 10.0.0.0/8 from 10.0.0.0/8: next_hop.port 66 does not exist"},
      {R"(routes { key { vrf: 3 destination: "10.0.0.0/33" } next_hop { router { } } })",
       "destination '10.0.0.0/33' is no IPv4 prefix"},
      {R"(routes { key { vrf: 3 destination: "10.0.0.0/8" source: "x" } next_hop { router { } } })",
       "source 'x' is no IPv4 prefix"},
      {R"(routes { key { vrf: 3 destination: "10.0.0.0/8" } next_hop { tunnel { tunnel: 2147483653 } } })",
       "next_hop.tunnel.label is missing: tunnel 2147483653 is a link"},
      {R"(routes { key { vrf: 3 destination: "10.0.0.0/8" } next_hop { tunnel { tunnel: 20 label: 19 } } })",
       "next_hop.tunnel.label 19 has no meaning: tunnel 20 is no link"},
      {R"(routes { key { vrf: 3 destination: "10.0.0.0/8" } next_hop { tunnel { tunnel: 20 label: 3 } } })",
       "next_hop.tunnel.label 3 is not within 16 to 1048575"},
      {R"(routes { key { vrf: 3 destination: "10.0.0.0/8" } next_hop { router { } } }
          routes { key { vrf: 3 destination: "10.0.0.0/8" } next_hop { unreachable { } } })",
       "route vrf 3 vpc 10.0.0.0/8: comes twice in one batch"},
  };
  TableBuilder builder;
  const auto before = programmed(builder, kOneOfEach);
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(refusal(builder, text), HasSubstr(expected)) << text;
    // what stands before the fault in the batch is not applied either
    refusal(
        builder,
        std::string(R"(generation: 99 removed_routes { vrf: 3 destination: "10.10.10.0/24" } )") +
            text);
  }
  const auto after = programmed(builder, "generation: 5");
  EXPECT_EQ(after->version.value(), before->version.value() + 1);
  EXPECT_EQ(route(*after, "10.10.10.1"), route(*before, "10.10.10.1"));
  EXPECT_EQ(rows_in(after->vrfs), 1);
  EXPECT_EQ(rows_in(after->ports), 1);
  EXPECT_EQ(rows_in(after->tunnels), 2);
}

TEST(TableBuilder, ATunnelHasBoundsOfItsOwn) {
  TableBuilder builder;
  const auto tables = programmed(builder, R"(
    vrfs { id: 3 router: "172.16.1.253" label: 19 }
    tunnels { id: 20 vrf: 3 feasible_sources: "10.10.0.0/16" feasible_sources: "10.9.0.0/24" }
    tunnels { id: 21 vrf: 3 }
    tunnels { id: 2147483653 is_link: true labels: 21 labels: 19 })");
  const auto bounds = [&](uint32_t id) -> const TunnelBounds& {
    return *tables->at(*tables->find_tunnel(TunnelId(id))).bounds;
  };
  EXPECT_TRUE(bounds(20).has_source(ip("10.10.255.255")));
  EXPECT_FALSE(bounds(20).has_source(ip("10.9.1.0")));
  EXPECT_FALSE(bounds(21).has_source(ip("10.10.0.1")));
  EXPECT_TRUE(bounds(2147483653).has_label(19));
  EXPECT_FALSE(bounds(2147483653).has_label(20));
  EXPECT_FALSE(bounds(20).has_label(19));
}

TEST(TableBuilder, APeerIsDeclaredAsLongAsATunnelNamesIt) {
  TableBuilder builder;
  const auto is_declared = [&](const std::string& batch, const char* address) {
    return programmed(builder, batch)->is_declared_peer(ip(address));
  };
  EXPECT_FALSE(is_declared(R"(vrfs { id: 3 router: "0.0.0.0" label: 19 } tunnels { id: 1 vrf: 3 })",
                           "0.0.0.0"));
  EXPECT_TRUE(is_declared(R"(tunnels { id: 20 vrf: 3 remote: "192.0.2.1" }
                             tunnels { id: 21 is_link: true remote: "192.0.2.1" })",
                          "192.0.2.1"));
  EXPECT_TRUE(is_declared("removed_tunnels: 20", "192.0.2.1"));
  EXPECT_TRUE(is_declared(R"(tunnels { id: 21 is_link: true remote: "192.0.2.2" }
                             tunnels { id: 22 vrf: 3 remote: "192.0.2.1" })",
                          "192.0.2.1"));
  EXPECT_THAT(refusal(builder, "removed_tunnels: 22 removed_vrfs: 3"), HasSubstr("does not exist"));
  EXPECT_TRUE(is_declared("", "192.0.2.1"));
  EXPECT_FALSE(is_declared("removed_tunnels: 22", "192.0.2.1"));
  EXPECT_TRUE(is_declared("", "192.0.2.2"));
}

TEST(TableBuilder, RowsMayExchangeWhatIsTheirsAloneInOneBatch) {
  TableBuilder builder;
  programmed(builder, kOneOfEach);
  programmed(builder, R"(vrfs { id: 4 router: "0.0.0.0" label: 20 })");
  const auto tables = programmed(builder, R"(vrfs { id: 4 router: "0.0.0.0" label: 19 }
                                             vrfs { id: 3 router: "0.0.0.0" label: 20 })");
  EXPECT_EQ(tables->find_label(20), VrfIndex(0));
  EXPECT_EQ(tables->find_label(19), VrfIndex(1));
}

TEST(TableBuilder, ARowMayGoWhenTheLastThatNamedItWent) {
  TableBuilder builder;
  programmed(builder, kOneOfEach);
  for (const char* batch :
       {R"(removed_tunnels: 2147483653 removed_routes { vrf: 3 destination: "172.17.0.0/16" })",
        R"(removed_ports: 7 removed_routes { vrf: 3 destination: "172.16.1.10/32" })",
        "removed_security_groups: 8"}) {
    programmed(builder, batch);
  }
  EXPECT_THAT(refusal(builder, "removed_vrfs: 3"), HasSubstr("tunnel 20: vrf 3 does not exist"));
  const auto tables = programmed(builder, R"(removed_vrfs: 3 removed_tunnels: 20
    removed_routes { vrf: 3 destination: "172.16.1.253/32" }
    removed_routes { vrf: 3 destination: "172.16.1.0/24" }
    removed_routes { vrf: 3 destination: "10.10.10.0/24" }
    removed_routes { vrf: 3 table: TABLE_KIND_GATEWAY destination: "10.10.10.0/24" source: "172.16.0.0/16" })");
  EXPECT_EQ(rows_in(tables->vrfs) + rows_in(tables->ports) + rows_in(tables->tunnels), 0);
  EXPECT_EQ(tables->find_label(19), std::nullopt);
  EXPECT_EQ(tables->find_tunnel(TunnelId(20)), std::nullopt);
}

TEST(TableBuilder, ABatchWritesOnlyWhatItChanges) {
  TableBuilder builder;
  const auto before = programmed(builder, kOneOfEach);
  const auto after = programmed(builder, R"(generation: 5
    routes { key { vrf: 3 destination: "10.10.20.0/24" } next_hop { tunnel { tunnel: 20 } } })");
  EXPECT_EQ(&after->ports[0], &before->ports[0]);
  EXPECT_EQ(&after->tunnels[0], &before->tunnels[0]);
  EXPECT_EQ(&after->vrfs[0], &before->vrfs[0]);
  std::string same = kOneOfEach;
  same.replace(same.find("has_fd: true"), 12, "");
  const auto again = programmed(builder, "is_snapshot: true " + same);
  EXPECT_EQ(&again->ports[0], &before->ports[0]) << "a snapshot that says the same";
  EXPECT_EQ(&again->tunnels[0], &before->tunnels[0]);
  EXPECT_EQ(route(*again, "10.10.20.1"), Adjacency::none());
}

TEST(TableBuilder, CountsDescriptorsAndClosesThoseOfARefusedBatch) {
  TableBuilder builder;
  EXPECT_THAT(builder.apply(batch_of(kOneOfEach), {}).error().text(),
              HasSubstr("batch: ports 1 rows have a descriptor, and 0 came with the batch"));
  for (const size_t count : {1u, 2u}) {
    std::vector<UniqueFd> fds = some_fds(count);
    const int first = fds[0].get();
    const std::string wrong = count == 1 ? " removed_vrfs: 3 vrfs { id: 3 }" : "";
    EXPECT_FALSE(builder.apply(batch_of(kOneOfEach + wrong), std::move(fds)).ok());
    EXPECT_EQ(::fcntl(first, F_GETFD), -1) << "leaked";
  }
}

TEST(TableBuilder, ADescriptorIsOpenAsLongAsASnapshotHasIt) {
  TableBuilder builder;
  auto with_tap = programmed(builder, kOneOfEach);
  const int fd = with_tap->ports[0].tap->get();
  const auto without = programmed(
      builder, R"(removed_ports: 7 removed_routes { vrf: 3 destination: "172.16.1.10/32" })");
  EXPECT_NE(::fcntl(fd, F_GETFD), -1);
  with_tap = nullptr;
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
}

}  // namespace farspan::dataplane
