// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/tunnel_changes.h"

#include <gtest/gtest.h>

#include "farspan/nodestate/random_state.h"

namespace farspan::controller {
namespace {

using nodestate::NodeState;
using nodestate::OfficeTunnel;
using nodestate::Tunnel;
using nodestate::TunnelId;

Tunnel office() {
  Tunnel tunnel;
  tunnel.use = OfficeTunnel{"office-1", nodestate::VrfId(3), "the-key"};
  return tunnel;
}

TEST(TunnelChanges, ANameCutsNothing) {
  Tunnel renamed = office();
  std::get<OfficeTunnel>(renamed.use).connection = "office-one";
  EXPECT_TRUE(reasons_to_rebuild(office(), renamed).empty());
}

TEST(TunnelChanges, AKeyCutsAndIsNotTold) {
  Tunnel changed = office();
  std::get<OfficeTunnel>(changed.use).psk = "another";
  const auto reasons = reasons_to_rebuild(office(), changed);
  ASSERT_EQ(reasons.size(), 1u);
  EXPECT_EQ(reasons[0], (documents::FieldChange{"pre-shared key", "(secret)", "(secret)"}));
}

TEST(TunnelChanges, HowLargePacketsMayBeCutsNothing) {
  Tunnel other = office();
  other.mtu = 1400;
  EXPECT_TRUE(reasons_to_rebuild(office(), other).empty());
}

TEST(TunnelChanges, WhatMayComeInCutsNothing) {
  Tunnel other = office();
  std::get<OfficeTunnel>(other.use).feasible_sources = {*net::Prefix::parse("10.10.0.0/16")};
  EXPECT_TRUE(reasons_to_rebuild(office(), other).empty());
  Tunnel link, changed;
  link.use = nodestate::LinkTunnel{"n", {}};
  changed.use = nodestate::LinkTunnel{"n", {nodestate::Label(17)}};
  EXPECT_TRUE(reasons_to_rebuild(link, changed).empty());
}

// Whatever is negotiated otherwise is a reason; between equals there is none.
TEST(TunnelChanges, EveryDifferenceInWhatIsNegotiatedHasAReason) {
  std::vector<Tunnel> tunnels;
  nodestate::RandomState random(11);
  for (int i = 0; i < 40; ++i)
    for (const auto& [id, tunnel] : random.next(static_cast<uint64_t>(i)).tunnels)
      tunnels.push_back(tunnel);
  ASSERT_GT(tunnels.size(), 40u);
  for (const Tunnel& a : tunnels) {
    for (const Tunnel& b : tunnels) {
      if (a.ike == b.ike) continue;
      EXPECT_FALSE(reasons_to_rebuild(a, b).empty());
    }
    EXPECT_TRUE(reasons_to_rebuild(a, a).empty());
  }
}

TEST(TunnelChanges, TunnelsAreMadeCutAndEnded) {
  NodeState before, after;
  before.node = after.node = "n";
  before.tunnels[TunnelId(1)] = before.tunnels[TunnelId(2)] = before.tunnels[TunnelId(3)] =
      office();
  after.tunnels[TunnelId(1)] = after.tunnels[TunnelId(2)] = after.tunnels[TunnelId(4)] = office();
  after.tunnels[TunnelId(2)].ike.has_dpd = false;
  using Action = TunnelChange::Action;
  EXPECT_EQ(tunnel_changes(&before, &after),
            (std::vector<TunnelChange>{{Action::kEnd, "n", "IpsecConnection office-1", {}},
                                       {Action::kRebuild,
                                        "n",
                                        "IpsecConnection office-1",
                                        {{"dead peer detection", "yes", "no"}}},
                                       {Action::kMake, "n", "IpsecConnection office-1", {}}}));
  EXPECT_EQ(tunnel_changes(&before, nullptr).size(), 3u);
  EXPECT_EQ(tunnel_changes(nullptr, &after).size(), 3u);
  EXPECT_TRUE(tunnel_changes(&after, &after).empty());
}

}  // namespace
}  // namespace farspan::controller
