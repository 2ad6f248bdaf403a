// SPDX-License-Identifier: Apache-2.0
// Nobody speaks for somebody else: what comes by a tunnel or a link must have its way back there.
#include <farspan/v1/tables.pb.h>
#include <gmock/gmock.h>

#include "tests/packet/rig.h"

namespace farspan::dataplane::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using enum DropReason;

constexpr uint32_t kRome = 9;  // another office at berlin, in destination routing mode

class Spoofing : public World {
 protected:
  void from_paris(const Bytes& packet) { berlin.from_wire({paris.seal(kOffice, packet)}); }
  void from_osaka(const Bytes& packet, uint32_t label = kLabel) {
    berlin.from_wire({osaka.seal(kLink, labelled(packet, label), 137)});
  }
  /// Berlin with `change` made to its usual tables, all sources allowed.
  void program(const std::function<void(v1::TablesBatch&)>& change) {
    berlin.program([&](v1::TablesBatch& batch) {
      plain_tables(batch, "10.1.0",
                   {{"10.2.0.0/24", kLink}, {"172.18.0.0/24", kLink}, {"172.16.0.0/24", kOffice}});
      allow_from(batch, "0.0.0.0/0");
      change(batch);
    });
  }
};

v1::TunnelRow& row_of_tunnel(v1::TablesBatch& batch, uint32_t id) {
  return *std::ranges::find(*batch.mutable_tunnels(), id, [](const auto& row) { return row.id(); });
}

TEST_F(Spoofing, AnOfficeSpeaksForItselfOnly) {
  const char* const others[] = {"10.1.0.6", "172.18.0.5", "10.2.0.5", "10.1.0.1", "10.1.0.5"};
  for (const char* source : others) from_paris(udp({source, "10.1.0.5"}, 1, 2, "not me"));
  from_paris(tcp({"172.18.0.5", "10.1.0.5"}, {.flags = 2}, ""));
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  EXPECT_THAT(berlin.flows(), IsEmpty());
  from_paris(udp({"172.16.0.77", "10.1.0.5"}, 1, 2, "me"));
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  expect_drops(berlin, {{kSpoofedSource, 6}});
}

TEST_F(Spoofing, AnOfficeWithNarrowSelectorsSpeaksForItsOwnOnly) {
  TestNode::SaOptions narrow;
  narrow.theirs = {{address_of("172.16.0.0"), address_of("172.16.0.255")},
                   {address_of("10.2.0.0"), address_of("10.2.0.255")}};
  connect(berlin, kOffice, paris, kOffice, narrow);
  from_paris(udp({"10.2.0.5", "10.1.0.5"}, 1, 2, "I am osaka's"));  // the selectors let it pass
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  expect_drops(berlin, {{kSpoofedSource, 1}});
}

// What leads nowhere is not answered either: the answer would go to somebody who asked nothing.
TEST_F(Spoofing, NobodyIsToldAboutAPacketSomebodyElseSent) {
  from_paris(udp({"10.2.0.5", "198.51.100.1"}, 1, 2, "no route"));
  from_paris(udp({"10.2.0.5", "10.1.0.77"}, 1, 2, "no host"));
  from_paris(echo({"10.2.0.5", "10.1.0.1"}, true, 7, "ping"));
  EXPECT_THAT(berlin.sent(), IsEmpty());
  expect_drops(berlin, {{kSpoofedSource, 3}});
}

TEST_F(Spoofing, AnAnswerInSomebodyElsesNameIsNone) {
  berlin.from_instance(5, frame(udp({"10.1.0.5", "10.2.0.5"}, 4000, 53, "query")));
  berlin.sent();
  from_paris(udp({"10.2.0.5", "10.1.0.5"}, 53, 4000, "forged"));
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  expect_drops(berlin, {{kSpoofedSource, 1}});
}

TEST_F(Spoofing, AnErrorOfALocalInstanceDoesNotComeByATunnel) {
  const Bytes query = udp({"10.1.0.5", "172.16.0.5"}, 4000, 53, "query");
  berlin.from_instance(5, frame(query));
  berlin.sent();
  for (const char* source : {"10.1.0.6", "10.1.0.1", "10.1.0.200"})
    from_paris(icmp_error({source, "10.1.0.5"}, 3, 3, query));
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  from_paris(icmp_error({"192.0.2.200", "10.1.0.5"}, 3, 3, query));  // a router on the way
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  expect_drops(berlin, {{kSpoofedSource, 3}});
}

// The VRF's router stands on every node of the Vpc, and reports from each.
TEST_F(Spoofing, AnErrorOfTheRouterComesByALink) {
  const Bytes query = udp({"10.1.0.5", "10.2.0.5"}, 4000, 53, "query");
  berlin.from_instance(5, frame(query));
  berlin.sent();
  from_osaka(icmp_error({"10.1.0.1", "10.1.0.5"}, 11, 0, query));
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  from_osaka(icmp_error({"10.1.0.6", "10.1.0.5"}, 11, 0, query));
  expect_drops(berlin, {{kSpoofedSource, 1}});
}

TEST_F(Spoofing, ALinkSpeaksForNobodyOfThisNode) {
  from_osaka(udp({"10.1.0.6", "10.1.0.5"}, 1, 2, "your neighbour, by the link"));
  from_osaka(udp({"172.16.0.5", "10.1.0.5"}, 1, 2, "an office of berlin's"));
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  from_osaka(udp({"172.18.0.5", "10.1.0.5"}, 1, 2, "kyoto"));
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  expect_drops(berlin, {{kSpoofedSource, 2}});
}

TEST_F(Spoofing, ALinkCarriesItsOwnLabelsOnly) {
  const auto with_labels = [&](std::vector<uint32_t> labels) {
    program([&](v1::TablesBatch& batch) {
      auto* second = batch.add_vrfs();  // a Vpc in no Cen, whose addresses the other one has, too
      second->set_id(2);
      second->set_router("10.1.0.1");
      second->set_label(kLabel + 1);
      row_of_tunnel(batch, kLink).clear_labels();
      for (const uint32_t label : labels) row_of_tunnel(batch, kLink).add_labels(label);
      for (const char* to : {"10.1.0.6/32", "10.2.0.0/24"}) {
        auto* route = batch.add_routes();
        route->mutable_key()->set_vrf(2);
        route->mutable_key()->set_destination(to);
        if (to[3] == '1') {
          route->mutable_next_hop()->set_port(6);
        } else {
          route->mutable_next_hop()->mutable_tunnel()->set_tunnel(kLink);
          route->mutable_next_hop()->mutable_tunnel()->set_label(kLabel + 1);
        }
      }
      batch.mutable_ports(1)->set_vrf(2);
    });
  };
  const Bytes packet = udp({"10.2.0.5", "10.1.0.6"}, 1, 2, "into a private Vpc");
  with_labels({kLabel});
  from_osaka(packet, kLabel + 1);
  from_osaka(echo({"10.2.0.5", "10.1.0.1"}, true, 7, "is there a router?"), kLabel + 1);
  EXPECT_THAT(berlin.taken_from(6), IsEmpty());
  EXPECT_THAT(berlin.sent(), IsEmpty());
  expect_drops(berlin, {{kForeignLabel, 2}});
  with_labels({kLabel, kLabel + 1});
  from_osaka(packet, kLabel + 1);
  EXPECT_THAT(berlin.taken_from(6), SizeIs(1));
  with_labels({});  // and what was let in has to go again
  from_osaka(packet, kLabel + 1);
  EXPECT_THAT(berlin.taken_from(6), IsEmpty());
  expect_drops(berlin, {{kForeignLabel, 3}});
}

TEST_F(Spoofing, ALinkReachesNoVpcThatHasNoRouteToIt) {
  program([](v1::TablesBatch& batch) {
    auto* second = batch.add_vrfs();  // a Vpc in no Cen, whose addresses the other one has, too
    second->set_id(2);
    second->set_router("10.1.0.1");
    second->set_label(kLabel + 1);
    auto* route = batch.add_routes();
    route->mutable_key()->set_vrf(2);
    route->mutable_key()->set_destination("10.1.0.6/32");
    route->mutable_next_hop()->set_port(6);
    batch.mutable_ports(1)->set_vrf(2);
    row_of_tunnel(batch, kLink).add_labels(kLabel + 1);
  });
  from_osaka(udp({"10.2.0.5", "10.1.0.6"}, 1, 2, "into a private Vpc"), kLabel + 1);
  from_osaka(udp({"10.1.0.6", "10.1.0.6"}, 1, 2, "in its own name"), kLabel + 1);
  from_osaka(echo({"10.2.0.5", "10.1.0.1"}, true, 7, "is there a router?"), kLabel + 1);
  EXPECT_THAT(berlin.taken_from(6), IsEmpty());
  EXPECT_THAT(berlin.sent(), IsEmpty());
  expect_drops(berlin, {{kNoWayBack, 2}, {kSpoofedSource, 1}});
}

TEST_F(Spoofing, WhatNobodyCanAnswerDoesNotComeIn) {
  program([](v1::TablesBatch& batch) {  // the gateway knows the office, the Vpc does not
    auto& routes = *batch.mutable_routes();
    routes.erase(std::find_if(routes.begin(), routes.end(), [](const v1::Route& route) {
      return route.key().destination() == "172.16.0.0/24" &&
             route.key().table() == v1::TABLE_KIND_VPC;
    }));
  });
  from_paris(udp({"172.16.0.5", "10.1.0.5"}, 1, 2, "unpublished"));
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  expect_drops(berlin, {{kNoWayBack, 1}});
}

TEST_F(Spoofing, AStandbyTunnelIsAFeasiblePath) {  // RFC 3704 §2.3
  TestNode rome("rome", "203.0.113.9");
  connect(berlin, kRome, rome, kRome);
  const auto from_rome = [&](const Bytes& packet) { berlin.from_wire({rome.seal(kRome, packet)}); };
  const auto program_rome = [&](const std::function<void(v1::TablesBatch&)>& change) {
    program([&](v1::TablesBatch& batch) {
      auto* tunnel = batch.add_tunnels();
      tunnel->set_id(kRome);
      tunnel->set_vrf(1);
      change(batch);
    });
  };
  const Bytes packet = udp({"172.16.0.5", "10.1.0.5"}, 1, 2, "by the other tunnel");
  program_rome([](v1::TablesBatch&) {});
  from_rome(packet);
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  program_rome([](v1::TablesBatch& batch) {
    row_of_tunnel(batch, kRome).add_feasible_sources("172.16.0.0/25");
  });
  from_rome(packet);
  from_rome(udp({"172.16.0.200", "10.1.0.5"}, 1, 2, "outside of it"));
  from_rome(udp({"10.1.0.6", "10.1.0.5"}, 1, 2, "a local instance"));
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  // an answer may come by it, too
  berlin.from_instance(6, frame(udp({"10.1.0.6", "172.16.0.5"}, 4000, 53, "query")));
  from_rome(udp({"172.16.0.5", "10.1.0.6"}, 53, 4000, "answer"));
  EXPECT_THAT(berlin.taken_from(6), SizeIs(1));
  expect_drops(berlin, {{kSpoofedSource, 3}});
}

// A policy route takes what 10.1.0.6 sends to 172.16.0.0/24 to rome; the rest goes to paris.
TEST_F(Spoofing, APolicyRouteMakesTheWayBack) {
  TestNode rome("rome", "203.0.113.9");
  connect(berlin, kRome, rome, kRome);
  const auto from_rome = [&](const Bytes& packet) { berlin.from_wire({rome.seal(kRome, packet)}); };
  program([](v1::TablesBatch& batch) {
    auto* tunnel = batch.add_tunnels();
    tunnel->set_id(kRome);
    tunnel->set_vrf(1);
    auto* route = batch.add_routes();
    route->mutable_key()->set_vrf(1);
    route->mutable_key()->set_destination("172.16.0.0/24");
    route->mutable_key()->set_source("10.1.0.6/32");
    route->mutable_next_hop()->mutable_tunnel()->set_tunnel(kRome);
  });
  from_rome(udp({"172.16.0.5", "10.1.0.6"}, 1, 2, "as routed"));
  from_paris(udp({"172.16.0.5", "10.1.0.5"}, 1, 2, "as routed"));
  EXPECT_THAT(berlin.taken_from(6), SizeIs(1));
  EXPECT_THAT(berlin.taken_from(5), SizeIs(1));
  from_rome(udp({"172.16.0.5", "10.1.0.5"}, 3, 2, "not as routed"));
  from_paris(udp({"172.16.0.5", "10.1.0.6"}, 3, 2, "not as routed"));
  EXPECT_THAT(berlin.taken_from(5), IsEmpty());
  EXPECT_THAT(berlin.taken_from(6), IsEmpty());
  expect_drops(berlin, {{kSpoofedSource, 2}});
}

}  // namespace
}  // namespace farspan::dataplane::testing
