// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/status.h"

#include <gtest/gtest.h>

#include "farspan/v1/node_session.pb.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::agent {
namespace {

TunnelReport one_tunnel() {
  tunnels::TunnelStatus status;
  status.tunnel = nodestate::TunnelId(7);
  status.is_ike_established = status.is_child_established = true;
  status.ike_id = "3";
  tunnels::ChildSaStatus child;
  child.spi_in = 0x1001;
  child.spi_out = 0x1001;  // the peer chose the same number
  child.bytes_in = 10;
  child.bytes_out = 20;
  child.packets_in = 1;
  child.packets_out = 2;
  status.children = {child};
  TunnelReport report;
  report.statuses = {status};
  report.is_charon_up = true;
  return report;
}

void add_sa(v1::Sas& sas, uint32_t spi, bool is_inbound, uint64_t bytes) {
  auto& sa = *sas.add_sas();
  sa.set_spi(spi);
  sa.set_is_inbound(is_inbound);
  sa.set_bytes(bytes);
  sa.set_packets(bytes / 100);
}

TEST(Status, CountsOfTheDataPlaneAreTakenByDirectionAndSpi) {
  v1::Sas sas;
  add_sa(sas, 0x1001, true, 1000);
  add_sa(sas, 0x1001, false, 2000);
  const auto status = status_of(one_tunnel(), {}, sas, true);
  ASSERT_EQ(status.tunnels_size(), 1);
  const auto& tunnel = status.tunnels(0);
  EXPECT_EQ(tunnel.children(0).bytes_in(), 1000u);
  EXPECT_EQ(tunnel.bytes_in(), 1000u);
  EXPECT_EQ(tunnel.bytes_out(), 2000u);
  EXPECT_EQ(tunnel.packets_in(), 10u);
  EXPECT_EQ(tunnel.packets_out(), 20u);
  EXPECT_EQ(tunnel.ike_state(), "ike_sa_established");
  EXPECT_FALSE(tunnel.has_problem());
}

TEST(Status, WhatIsKnownOfTheWayToThePeerIsTold) {
  v1::Counters counters;
  EXPECT_FALSE(status_of(one_tunnel(), counters, {}, true).tunnels(0).has_path());
  auto& counted = *counters.add_tunnels();
  counted.set_tunnel(7);
  counted.mutable_path()->set_mtu(1300);
  counted.mutable_path()->set_route_mtu(1500);
  counted.mutable_path()->set_origin("quote");
  counted.mutable_path()->set_seconds_ago(9);
  const auto path = status_of(one_tunnel(), counters, {}, true).tunnels(0).path();
  EXPECT_EQ(path.mtu(), 1300u);
  EXPECT_EQ(path.route_mtu(), 1500u);
  EXPECT_EQ(path.origin(), "quote");
  EXPECT_EQ(path.seconds_ago(), 9u);
}

TEST(Status, WithoutADataPlaneCharonsCountsStand) {
  const auto status = status_of(one_tunnel(), {}, {}, false);
  EXPECT_FALSE(status.is_dataplane_up());
  EXPECT_TRUE(status.is_charon_up());
  EXPECT_EQ(status.tunnels(0).bytes_in(), 10u);
  EXPECT_EQ(status.tunnels(0).packets_out(), 2u);
}

TEST(Status, ACounterOfTheTunnelOutlivesItsSas) {
  v1::Counters counters;
  auto& total = *counters.add_tunnels();
  total.set_tunnel(7);
  total.set_bytes_in(5000);
  total.set_packets_in(50);
  v1::Sas sas;
  add_sa(sas, 0x1001, true, 1000);
  const auto status = status_of(one_tunnel(), counters, sas, true);
  EXPECT_EQ(status.tunnels(0).bytes_in(), 5000u) << "rekeys do not set it back";
  EXPECT_EQ(status.tunnels(0).children(0).bytes_in(), 1000u);
}

TEST(Status, NoPacketYetIsNotAPacketJustNow) {
  TunnelReport report = one_tunnel();
  EXPECT_FALSE(status_of(report, {}, {}, true).tunnels(0).has_last_packet_in_seconds_ago());
  report.statuses[0].last_packet_in_seconds_ago = 0;
  const auto status = status_of(report, {}, {}, true);
  EXPECT_TRUE(status.tunnels(0).has_last_packet_in_seconds_ago());
  EXPECT_EQ(status.tunnels(0).last_packet_in_seconds_ago(), 0u);
}

TEST(Status, ProblemsAndCountersArePassedOn) {
  TunnelReport report = one_tunnel();
  report.statuses[0].problem =
      tunnels::TunnelProblem{"psk_mismatch", "the pre-shared keys differ", "set one", 4};
  v1::Counters counters;
  counters.add_counters()->set_name("drop.replayed");
  counters.mutable_counters(0)->set_value(3);
  counters.add_ports()->set_port(5);
  const auto status = status_of(report, counters, {}, true);
  EXPECT_EQ(status.tunnels(0).problem().cause(), "psk_mismatch");
  EXPECT_EQ(status.tunnels(0).problem().seconds_ago(), 4u);
  EXPECT_EQ(status.counters(0).name(), "drop.replayed");
  EXPECT_EQ(status.counters(0).value(), 3u);
  EXPECT_EQ(status.ports(0).port(), 5u);
}

}  // namespace
}  // namespace farspan::agent
