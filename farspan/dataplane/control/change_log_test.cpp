// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/change_log.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <random>
#include <string>

#include "farspan/dataplane/control/table_builder.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {
namespace {

constexpr ChangeLog::Packets kPackets = {FlowDomain(7), 0x0A010101, 0xAC100101, VrfIndex(2)};

constexpr uint32_t kFirstLink = 7, kTunnels = 8, kFirstLabel = 17;
constexpr const char* kRowsThatStay = R"(
  vrfs { id: 1 router: "0.0.0.0" label: 17 flow_domain: 9 }
  vrfs { id: 2 router: "0.0.0.0" label: 18 flow_domain: 9 }
  security_groups { id: 1 } security_groups { id: 2 } )";

// Rows of two VRFs of one Cen and one that is in it or alone, changed at random. Ids are small, so
// that rows go and come back, and places are used again.
class RandomRows {
 public:
  explicit RandomRows(std::mt19937& rng) : rng_(rng) {}

  std::string batch() {
    std::string text;
    for (uint32_t n = 1 + draw(3); n > 0; --n) text += change();
    return text;
  }
  /// Some ports and tunnels, and no route: most removals in a batch are refused for a route.
  std::string snapshot() {
    std::string text = kRowsThatStay + third_vrf() + "is_snapshot: true ";
    for (uint32_t id = 1; id <= 6; ++id) {
      if (draw(3) != 0) text += port(id);
    }
    for (uint32_t id = 1; id <= kTunnels; ++id) {
      if (draw(3) != 0) text += tunnel(id);
    }
    return text;
  }
  std::string third_vrf() {
    return "vrfs { id: 3 router: \"0.0.0.0\" label: " + number(19 + draw(2)) +
           (draw(2) == 0 ? " flow_domain: 9 } " : " } ");
  }
  uint32_t draw(uint32_t below) { return static_cast<uint32_t>(rng_() % below); }

 private:
  std::string number(uint32_t n) { return std::to_string(n); }
  std::string prefix() {
    const uint32_t length = 8 * draw(4);
    std::string text = length == 0 ? "0" : "10";
    for (uint32_t bits = 16; bits <= 32; bits += 8)
      text += bits <= length ? "." + number(draw(3)) : ".0";
    return text + "/" + number(length);
  }
  std::string key() {
    return "vrf: " + number(1 + draw(3)) + (draw(2) == 0 ? " table: TABLE_KIND_GATEWAY" : "") +
           " destination: \"" + prefix() + "\"" +
           (draw(4) == 0 ? " source: \"" + prefix() + "\"" : "");
  }
  std::string port(uint32_t id) {
    return "ports { id: " + number(id) + " vrf: " + number(1 + draw(3)) + R"( address: "10.1.1.)" +
           number(id) +
           R"(" gateway: "10.1.1.9" subnet: "10.1.1.0/24" mac: "\002aaaaa" security_groups: )" +
           number(1 + draw(2)) + " } ";
  }
  std::string tunnel(uint32_t id) {
    const std::string row = "tunnels { id: " + number(id);
    if (id >= kFirstLink)
      return row + " is_link: true labels: " + number(kFirstLabel + draw(4)) + " } ";
    return row + " vrf: " + number(1 + draw(3)) +
           (draw(2) == 0 ? " feasible_sources: \"" + prefix() + "\" } " : " } ");
  }
  std::string to_tunnel() {
    const uint32_t id = 1 + draw(kTunnels);
    return "tunnel { tunnel: " + number(id) +
           (id >= kFirstLink ? " label: " + number(kFirstLabel + draw(3)) + " }" : " }");
  }
  std::string change() {
    switch (draw(12)) {
      case 0:
        return "removed_routes { " + key() + " } ";
      case 1:
        return "removed_ports: " + number(1 + draw(6)) + " ";
      case 2:
        return "removed_tunnels: " + number(1 + draw(kTunnels)) + " ";
      case 3:
        return port(1 + draw(6));
      case 4:
        return tunnel(1 + draw(kTunnels));
      case 5:
        return "security_groups { id: " + number(1 + draw(2)) +
               " ingress { port_high: 65535 priority: 1 peer: \"" + prefix() + "\" } } ";
      case 6:
        return draw(4) == 0 ? third_vrf() : tunnel(1 + draw(kTunnels));
      default:
        return "routes { key { " + key() + " } next_hop { " +
               (draw(2) == 0 ? "port: " + number(1 + draw(6)) : to_tunnel()) + " } } ";
    }
  }

  std::mt19937& rng_;
};

/// Everything pipeline/decide.cpp asks tables for, about packets that came and go like this.
struct Findings {
  Adjacency there, back_in_vpc, back_at_gateway, source_in_vpc, source_at_gateway;
  std::shared_ptr<const RuleSet> rules_of_sender, rules_of_receiver;
  bool is_ingress_there = false, has_label = false, is_feasible = false;
  std::optional<VrfIndex> ingress_vrf;
  VrfIndex led_into;
  bool operator==(const Findings&) const = default;
};

struct Decided {
  FlowWay way;
  FlowKey key;
  VrfIndex vrf;
  TableKind table = TableKind::kVpc;
  uint32_t label = 0;  // of a link's
  Findings findings;
};

Findings findings_of(const Tables& tables, const Decided& d) {
  Findings found;
  const Ingress from = d.way.ingress;
  if (from.is_port()) {
    const PortEntry& port = tables.at(from.port());
    found.is_ingress_there = !port.is_vacant;
    found.ingress_vrf = port.vrf;
    found.rules_of_sender = port.rules;
  } else if (const TunnelEntry& tunnel = tables.at(from.tunnel()); !tunnel.is_vacant) {
    found.is_ingress_there = true;
    found.ingress_vrf = tunnel.is_link ? tables.find_label(d.label) : tunnel.vrf;
    found.has_label = tunnel.bounds->has_label(d.label);
    found.is_feasible = tunnel.bounds->has_source(d.key.source);
  }
  const auto lookup = [&](VrfIndex vrf, TableKind kind, uint32_t source, uint32_t destination) {
    return tables.fib.lookup(vrf, kind, source, destination);
  };
  found.there = lookup(d.vrf, d.table, d.key.source, d.key.destination);
  found.led_into = d.vrf;
  if (found.there.kind == AdjacencyKind::kPort) {
    found.led_into = tables.at(found.there.port()).vrf;
    found.rules_of_receiver = tables.at(found.there.port()).rules;
  } else if (found.there.kind == AdjacencyKind::kTunnel && !found.there.has_label()) {
    found.led_into = tables.at(found.there.tunnel()).vrf;
  }
  const uint32_t back_from = d.key.destination, back_to = d.key.source;
  found.back_in_vpc = lookup(found.led_into, TableKind::kVpc, back_from, back_to);
  found.back_at_gateway = lookup(found.led_into, TableKind::kGateway, back_from, back_to);
  found.source_in_vpc = lookup(d.vrf, TableKind::kVpc, back_from, back_to);
  found.source_at_gateway = lookup(d.vrf, TableKind::kGateway, back_from, back_to);
  return found;
}

// Where a random packet comes in, of what is there.
std::optional<Decided> random_packet(const Tables& tables, RandomRows& rows) {
  Decided d;
  const auto end = [&] {
    return 0x0A000000 | rows.draw(3) << 16 | rows.draw(3) << 8 | rows.draw(3);
  };
  d.key = {{}, end(), end(), 1, 2, 6};
  const uint32_t index = rows.draw(kTunnels);
  if (rows.draw(2) == 0) {
    if (index >= tables.ports.size() || tables.ports[index].is_vacant) return std::nullopt;
    d.way.ingress = Ingress::of(PortIndex(index));
    d.vrf = tables.ports[index].vrf;
  } else {
    if (index >= tables.tunnels.size() || tables.tunnels[index].is_vacant) return std::nullopt;
    d.way.ingress = Ingress::of(TunnelIndex(index));
    d.vrf = tables.tunnels[index].vrf;
    d.table = TableKind::kGateway;
    if (tables.tunnels[index].is_link) {
      d.label = kFirstLabel + rows.draw(4);
      const auto vrf = tables.find_label(d.label);
      if (!vrf) return std::nullopt;
      d.vrf = *vrf;
      d.table = TableKind::kVpc;
    }
  }
  d.key.domain = tables.at(d.vrf).domain;
  d.findings = findings_of(tables, d);
  if (d.findings.there.kind == AdjacencyKind::kNone) return std::nullopt;  // never remembered
  d.way.adjacency = d.findings.there;
  d.way.version = tables.version;
  return d;
}

}  // namespace

TEST(ChangeLog, ToldOfNothingItTouchesNothing) {
  EXPECT_FALSE(ChangeLog().touches_since(TablesVersion(1), kPackets));
}

TEST(ChangeLog, ARouteTouchesFlowsWithAnEndInsideIt) {
  const auto touches = [](uint32_t vrf, uint32_t domain, Prefix4 prefix) {
    ChangeLog log;
    log.route(TablesVersion(9), VrfIndex(vrf), FlowDomain(domain), prefix);
    EXPECT_FALSE(log.touches_since(TablesVersion(9), kPackets)) << "decided with it";
    return log.touches_since(TablesVersion(8), kPackets);
  };
  EXPECT_TRUE(touches(0, 7, {0xAC100000, 16})) << "the way there";
  EXPECT_TRUE(touches(0, 7, {0x0A010100, 24})) << "the way back";
  EXPECT_TRUE(touches(2, 1, {0x0A010100, 24})) << "the way back from another Cen's VRF";
  EXPECT_FALSE(touches(0, 1, {0xAC100000, 16}));
  EXPECT_FALSE(touches(0, 7, {0xAC110000, 16}));
}

TEST(ChangeLog, WhatIsForgottenTouchesAllThatIsOlder) {
  ChangeLog log;
  const auto add = [&](uint32_t version) {
    log.route(TablesVersion(version), VrfIndex(0), FlowDomain(1), {});
  };
  for (uint32_t version = 2; version <= 65; ++version) add(version);
  EXPECT_FALSE(log.touches_since(TablesVersion(1), kPackets));
  add(66);
  EXPECT_TRUE(log.touches_since(TablesVersion(1), kPackets));
  EXPECT_FALSE(log.touches_since(TablesVersion(2), kPackets));
}

TEST(ChangeLog, KnowsWhatIsNewerWhenVersionsStartAnew) {
  ChangeLog log;
  log.route(TablesVersion(3), VrfIndex(0), FlowDomain(7), {});
  EXPECT_TRUE(log.touches_since(TablesVersion(UINT32_MAX), kPackets));
  EXPECT_FALSE(log.touches_since(TablesVersion(3), kPackets));
}

// The law: where nothing is said to be touched, everything a decision is made of is as it was.
TEST(ChangeLog, WhatItLeavesAloneWouldBeDecidedAsBefore) {
  std::mt19937 rng(1982);
  RandomRows rows(rng);
  TableBuilder builder;
  v1::TablesBatch first;
  ASSERT_TRUE(
      google::protobuf::TextFormat::ParseFromString(kRowsThatStay + rows.third_vrf(), &first));
  std::unique_ptr<const Tables> tables = *builder.apply(first, {});
  std::deque<Decided> remembered;
  int accepted = 0, touched = 0, kept = 0, links = 0;
  for (int round = 0; round < 4'000; ++round) {
    v1::TablesBatch batch;
    const std::string text = rows.draw(40) == 0 ? rows.snapshot() : rows.batch();
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &batch));
    if (auto next = builder.apply(batch, {}); next.ok()) {
      tables = std::move(*next);
      ++accepted;
    }
    for (Decided& d : remembered) {
      if (!tables->still_hold(d.way, d.key)) {
        d.key.protocol = 0;  // forgotten
        ++touched;
        continue;
      }
      ++kept;
      ASSERT_EQ(findings_of(*tables, d), d.findings) << "in round " << round << ": " << text;
      if (rows.draw(4) == 0) d.way.version = tables->version;
    }
    std::erase_if(remembered, [](const Decided& d) { return d.key.protocol == 0; });
    if (remembered.size() > 40) remembered.pop_front();
    if (auto d = random_packet(*tables, rows)) {
      links += d->label != 0 ? 1 : 0;
      remembered.push_back(std::move(*d));
    }
  }
  EXPECT_GT(accepted, 500);
  EXPECT_GT(touched, 100);
  EXPECT_GT(links, 50);
  EXPECT_GT(kept, touched) << "it leaves alone what a change has nothing to do with";
}

// A security group of any number of ports costs those their decisions, and nobody else.
TEST(ChangeLog, AGroupTouchesTheFlowsOfItsPorts) {
  TableBuilder builder;
  v1::TablesBatch first;
  std::string text = kRowsThatStay;
  for (int i = 1; i <= 200; ++i) {
    const std::string number = std::to_string(i);
    text += "ports { id: " + number + " vrf: 1 address: \"10.1.1." + number +
            R"(" gateway: "10.1.1.254" subnet: "10.1.1.0/24" mac: "\002aaaaa" security_groups: )" +
            (i <= 150 ? "1 } " : "2 } ");
  }
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &first));
  auto tables = *builder.apply(first, {});
  const auto way = [&](uint32_t from, uint32_t to) {
    return FlowWay{.adjacency = Adjacency::to_port(PortIndex(to)),
                   .version = tables->version,
                   .ingress = Ingress::of(PortIndex(from))};
  };
  const FlowWay of_group = way(10, 180), to_group = way(180, 10), of_others = way(180, 190);
  v1::TablesBatch change;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(security_groups { id: 1 egress { port_high: 1 peer: "0.0.0.0/0" priority: 1 } })",
      &change));
  tables = *builder.apply(change, {});
  EXPECT_FALSE(tables->still_hold(of_group, {}));
  EXPECT_FALSE(tables->still_hold(to_group, {}));
  EXPECT_TRUE(tables->still_hold(of_others, {}));
}

}  // namespace farspan::dataplane
