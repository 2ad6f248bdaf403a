// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/sad.h"

#include <gtest/gtest.h>

#include "farspan/dataplane/ipsec/test_sas.h"

namespace farspan::ipsec {
namespace {

using Answer = SadView::Selection::Answer;

constexpr uint32_t kTunnel = 7;
constexpr InnerFlow kFlow = {0x0A0A0A05, 0xAC10010A, 40000, 80, 6};
constexpr crypto::Suite kGcm = {crypto::Cipher::kAesGcm256, crypto::Integrity::kAead};

class SadTest : public testing::Test {
 protected:
  SadTest() {
    sad_->hello(1);
    sad_->synced(now_);
  }

  SaDescription sa(bool is_inbound, uint32_t spi, uint32_t tunnel = kTunnel) {
    SaDescription description = any_sa(random_, kGcm, is_inbound, spi);
    description.tunnel = tunnel;
    return description;
  }
  static PolicyDescription policy(uint32_t spi, uint32_t tunnel = kTunnel) {
    PolicyDescription description;
    description.tunnel = tunnel;
    description.spi = spi;
    return description;
  }
  static PolicyDescription trap() {
    PolicyDescription description = policy(0);
    description.priority = 2;
    description.reqid = 31;
    return description;
  }
  void add(const SaDescription& description) {
    ASSERT_EQ(sad_->add(description, now_), SadVerdict::kOk);
  }
  void add(const PolicyDescription& description) {
    ASSERT_EQ(sad_->add_policy(description, now_), SadVerdict::kOk);
  }

  /// SPI of the SA that carries kFlow now, or 0.
  uint32_t carrier(uint32_t tunnel = kTunnel) {
    const auto selection = sad_->view().select(tunnel, kFlow);
    return selection.sa == nullptr ? 0 : selection.sa->spi();
  }
  void restart_data_plane() {
    sad_.reset();
    arena_.reset();
    arena_ = *SequenceArena::open(file_.path(), 64);
    sad_ = std::make_unique<Sad>(*arena_, *context_);
  }

  std::mt19937 random_{4301};
  TemporaryFile file_;
  std::unique_ptr<crypto::Context> context_ = *crypto::Context::create();
  std::unique_ptr<SequenceArena> arena_ = *SequenceArena::open(file_.path(), 64);
  std::unique_ptr<Sad> sad_ = std::make_unique<Sad>(*arena_, *context_);
  uint64_t now_ = 1000;
};

TEST_F(SadTest, AnOutboundSaCarriesNothingBeforeItsPolicy) {  // make before break
  add(sa(false, 0x100));
  EXPECT_EQ(sad_->view().select(kTunnel, kFlow).answer, Answer::kNoSa);
  add(policy(0x100));
  EXPECT_EQ(carrier(), 0x100u);
}

TEST_F(SadTest, ARekeyMovesTrafficWhenTheNewPolicyComes) {
  add(sa(false, 0x100));
  add(policy(0x100));
  add(sa(false, 0x200));
  EXPECT_EQ(carrier(), 0x100u);  // the peer may not have the new one yet
  add(policy(0x200));
  EXPECT_EQ(carrier(), 0x200u);
  EXPECT_EQ(sad_->remove_policy(policy(0x100)), SadVerdict::kOk);
  EXPECT_EQ(sad_->remove({false, 0x100, kTunnel}), SadVerdict::kOk);
  EXPECT_EQ(carrier(), 0x200u);
}

TEST_F(SadTest,
       DeletingTheNewestFallsBackToTheOneBefore) {  // the losing SA of a rekey collision goes
  for (const uint32_t spi : {0x100u, 0x200u}) {
    add(sa(false, spi));
    add(policy(spi));
  }
  EXPECT_EQ(sad_->remove({false, 0x200, kTunnel}), SadVerdict::kOk);
  EXPECT_EQ(carrier(), 0x100u);
}

TEST_F(SadTest, SelectorsOfPoliciesDecideBetweenSasOfATunnel) {
  PolicyDescription web = policy(0x100), rest = policy(0x200);
  web.destination = {kFlow.destination, kFlow.destination, 80, 80, 6};
  rest.destination = {0x0B000000, 0x0BFFFFFF};
  add(sa(false, 0x100));
  add(sa(false, 0x200));
  add(web);
  add(rest);
  EXPECT_EQ(carrier(), 0x100u);
  InnerFlow other = kFlow;
  other.destination_port = 81;
  EXPECT_EQ(sad_->view().select(kTunnel, other).answer, Answer::kOutsideSelectors);
  other.destination = 0x0B000001;
  EXPECT_EQ(sad_->view().select(kTunnel, other).sa->spi(), 0x200u);
}

TEST_F(SadTest, ATrapAsksForTheTunnelOncePerPause) {
  add(trap());
  const SadView& view = sad_->view();
  const auto selection = view.select(kTunnel, kFlow);
  ASSERT_EQ(selection.answer, Answer::kAcquire);
  EXPECT_EQ(selection.trap->reqid(), 31u);
  EXPECT_TRUE(selection.trap->take_acquire(100));
  EXPECT_FALSE(selection.trap->take_acquire(104));
  EXPECT_TRUE(selection.trap->take_acquire(105));

  add(sa(false, 0x100));
  add(policy(0x100));
  EXPECT_EQ(carrier(), 0x100u);
  EXPECT_EQ(sad_->remove({false, 0x100, kTunnel}), SadVerdict::kOk);
  EXPECT_EQ(sad_->view().select(kTunnel, kFlow).answer, Answer::kAcquire);
}

TEST_F(SadTest, WhatAReaderFoundStaysUntilItHasPassed) {
  add(sa(true, 0xc0000001));
  auto reader = sad_->reader(), other = sad_->reader();
  InboundSa* const found = reader.acquire().inbound(0xc0000001);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(sad_->view().inbound(0xc0000002), nullptr);
  EXPECT_EQ(sad_->remove({true, 0xc0000001, 0}), SadVerdict::kOk);
  EXPECT_EQ(other.acquire().inbound(0xc0000001), nullptr);  // gone for whoever looks now
  sad_->tick(now_);
  EXPECT_EQ(found->spi(), 0xc0000001u);
  EXPECT_EQ(arena_->used_slots(), 1u);
  reader.quiesce();
  sad_->tick(now_);  // the other began later
  EXPECT_EQ(arena_->used_slots(), 0u);
}

TEST_F(SadTest, APacketIsJudgedByOneRowOldOrNew) {
  add(sa(false, 0x100));
  add(policy(0x100));
  auto reader = sad_->reader();
  OutboundSa* const before = reader.acquire().select(kTunnel, kFlow).sa;
  const uint64_t version = sad_->view().version();
  add(sa(false, 0x200));
  EXPECT_EQ(sad_->view().version(), version);  // nothing to judge by has changed
  add(policy(0x200));
  EXPECT_NE(sad_->view().version(), version);
  EXPECT_EQ(sad_->remove({false, 0x100, kTunnel}), SadVerdict::kOk);
  EXPECT_EQ(carrier(), 0x200u);
  EXPECT_EQ(before->take_sequences(1).first, 1u);  // the batch that found it may still send
  reader.quiesce();
  sad_->tick(now_);
  EXPECT_EQ(arena_->used_slots(), 1u);
}

TEST_F(SadTest, ManySpisAreAllFound) {
  restart_data_plane();
  std::vector<uint32_t> spis;
  for (uint32_t i = 0; i < 60; ++i) {
    spis.push_back(*sad_->reserve_spi(now_));
    add(sa(true, spis.back(), 1 + i));
  }
  const SadView& view = sad_->view();
  for (const uint32_t spi : spis) {
    EXPECT_GE(spi, Sad::kFirstSpi);
    EXPECT_LE(spi, Sad::kLastSpi);
    ASSERT_NE(view.inbound(spi), nullptr);
    EXPECT_EQ(view.inbound(spi)->spi(), spi);
  }
}

TEST_F(SadTest, ReservationsEndAfter165Seconds) {
  const uint32_t spi = *sad_->reserve_spi(now_);
  sad_->tick(now_ + 164);
  EXPECT_EQ(sad_->remove({true, spi, 0}), SadVerdict::kOk);
  const uint32_t other = *sad_->reserve_spi(now_);
  sad_->tick(now_ + 165);
  EXPECT_EQ(sad_->remove({true, other, 0}), SadVerdict::kNotFound);
}

TEST_F(SadTest, ARestartedDataPlaneGoesOnAfterTheLastNumberAndRefusesReplays) {
  const SaDescription out = sa(false, 0x100), in = sa(true, 0xc0000001);
  add(out);
  add(in);
  add(policy(0x100));
  {
    const SadView& view = sad_->view();
    for (int i = 0; i < 5; ++i) (void)view.select(kTunnel, kFlow).sa->take_sequences(1);
    (void)view.inbound(0xc0000001)->accept(12);
  }
  restart_data_plane();
  sad_->hello(1);
  SaDescription moved = out;
  moved.path.remote.port = 61001;  // the NAT moved meanwhile: the numbers must not
  add(moved);
  add(in);
  add(policy(0x100));
  sad_->synced(now_);
  const SadView& view = sad_->view();
  EXPECT_EQ(view.select(kTunnel, kFlow).sa->take_sequences(1).first, 6u);
  EXPECT_EQ(view.inbound(0xc0000001)->identify(12).verdict, ReplayVerdict::kReplayed);
  EXPECT_EQ(arena_->used_slots(), 2u);
}

TEST_F(SadTest, ARestartDoesNotPutOffPacketLimits) {  // or numbers would end before the rekey
  SaDescription out = sa(false, 0x100);
  out.limits.soft_packets = 5;
  add(out);
  add(policy(0x100));
  for (int i = 0; i < 5; ++i) (void)sad_->view().select(kTunnel, kFlow).sa->take_sequences(1);
  restart_data_plane();
  sad_->hello(1);
  out.is_repeated = true;
  add(out);
  EXPECT_EQ(sad_->usage({false, 0x100, kTunnel})->packets, 5u);
  add(policy(0x100));
  EXPECT_EQ(sad_->view().select(kTunnel, kFlow).sa->reached(), SaUsage::Reached::kSoft);
}

TEST_F(SadTest, SasWhoseNumbersAreLostAreRefused) {  // RFC 4106 §2: never a nonce twice
  SaDescription out = sa(false, 0x100), in = sa(true, 0xc0000001);
  add(out);
  add(in);
  out.is_repeated = in.is_repeated = true;
  (void)file_.remove();                         // somebody tidied the run directory
  for (int starts = 0; starts < 2; ++starts) {  // the second one finds the file of the first
    restart_data_plane();
    sad_->hello(1);
    EXPECT_EQ(sad_->add(out, now_), SadVerdict::kNumbersLost);
    EXPECT_EQ(sad_->add(in, now_), SadVerdict::kNumbersLost);
  }
  sad_->synced(now_);
  add(sa(false, 0x101));  // charon made the tunnel anew
}

TEST_F(SadTest, SlotsOfSasThatCharonDoesNotRepeatAreFreedWhenSynced) {
  add(sa(false, 0x100));
  restart_data_plane();
  EXPECT_EQ(arena_->used_slots(), 1u);
  sad_->hello(2);
  sad_->synced(now_);
  EXPECT_EQ(arena_->used_slots(), 0u);
}

TEST_F(SadTest, TheSameCharonRepeatsItselfWithoutHarm) {
  const SaDescription kept = sa(false, 0x100), gone = sa(false, 0x200);
  add(kept);
  add(policy(0x100));
  add(gone);
  add(policy(0x200));
  const OutboundSa* before = sad_->view().select(kTunnel, kFlow).sa;
  EXPECT_EQ(before->spi(), 0x200u);
  sad_->hello(1);
  EXPECT_EQ(carrier(), 0x200u);
  add(kept);
  add(policy(0x100));
  EXPECT_EQ(sad_->add(kept, now_), SadVerdict::kExists);  // twice is once too often
  sad_->synced(now_);
  EXPECT_EQ(carrier(), 0x100u);
  EXPECT_EQ(sad_->rows().size(), 1u);
}

TEST_F(SadTest, OrphansForwardUntilTheNewCharonTakesOver) {
  add(sa(false, 0x100));
  SaDescription inbound = sa(true, 0xc0000001);
  inbound.hard_seconds = 3600;
  add(inbound);
  add(policy(0x100));
  sad_->hello(2);
  sad_->synced(now_);
  EXPECT_EQ(carrier(), 0x100u);
  add(trap());
  EXPECT_EQ(carrier(), 0x100u);  // a trap is no SA
  add(sa(true, 0xc0000002));
  add(sa(false, 0x200));
  EXPECT_EQ(carrier(), 0x100u);
  add(policy(0x200));
  EXPECT_EQ(carrier(), 0x200u);
  EXPECT_EQ(sad_->usage({false, 0x100, kTunnel}), std::nullopt);

  sad_->tick(now_ + 59);
  EXPECT_NE(sad_->view().inbound(0xc0000001), nullptr);  // what is on its way still gets in
  sad_->tick(now_ + 60);
  EXPECT_EQ(sad_->view().inbound(0xc0000001), nullptr);
  EXPECT_NE(sad_->view().inbound(0xc0000002), nullptr);
}

TEST_F(SadTest, OrphansOfOtherTunnelsAreLeftAlone) {
  add(sa(false, 0x100, 1));
  add(policy(0x100, 1));
  add(sa(false, 0x100, 2));  // the SPI is the peer's choice: unique per tunnel only
  add(policy(0x100, 2));
  sad_->hello(2);
  add(sa(false, 0x200, 1));
  add(policy(0x200, 1));
  EXPECT_EQ(carrier(1), 0x200u);
  EXPECT_EQ(carrier(2), 0x100u);
}

TEST_F(SadTest, HardLifetimeEndsAnSaThatNobodyDeletes) {
  SaDescription description = sa(false, 0x100);
  description.hard_seconds = 3600;
  add(description);
  add(policy(0x100));
  sad_->hello(2);
  sad_->tick(now_ + 3599);
  EXPECT_EQ(carrier(), 0x100u);
  sad_->tick(now_ + 3600);
  EXPECT_EQ(carrier(), 0u);
  EXPECT_TRUE(sad_->rows().empty());
}

TEST_F(SadTest, AMovedPathIsSeenByWhoHasTheSa) {
  add(sa(false, 0x100));
  add(policy(0x100));
  const OutboundSa* const found = sad_->view().select(kTunnel, kFlow).sa;
  const OuterPath path = {{1, 4500}, {2, 61001}, true};
  EXPECT_EQ(sad_->move({false, 0x100, kTunnel}, path), SadVerdict::kOk);
  EXPECT_EQ(found->path(), path);
  EXPECT_EQ(sad_->move({false, 0x101, kTunnel}, path), SadVerdict::kNotFound);
}

TEST_F(SadTest, AFullArenaIsAClearAnswer) {
  for (uint32_t i = 0; i < 64; ++i) add(sa(false, 0x1000 + i, i));
  EXPECT_EQ(sad_->add(sa(false, 0x2000), now_), SadVerdict::kFull);
  sad_->flush_sas();
  EXPECT_EQ(sad_->add(sa(false, 0x2000), now_), SadVerdict::kOk);
}

TEST_F(SadTest, OneTunnelCannotTakeWhatAllMustShare) {
  uint32_t taken = 0;
  while (sad_->add(sa(false, 0x1000 + taken), now_) == SadVerdict::kOk) ++taken;
  EXPECT_EQ(taken, 32u);  // half of the 64
  EXPECT_EQ(sad_->add(sa(false, 0x2000), now_), SadVerdict::kTunnelFull);
  for (uint32_t tunnel = 100; tunnel < 104; ++tunnel) {
    for (uint32_t i = 0; i < Sad::kFewSas; ++i) add(sa(false, 0x1000 + i, tunnel));
  }
  EXPECT_EQ(sad_->add(sa(false, 0x2000, 200), now_), SadVerdict::kFull);
}

TEST_F(SadTest, OneTunnelCannotTakeAllPolicies) {
  uint32_t taken = 0;
  while (sad_->add_policy(policy(0x1000 + taken), now_) == SadVerdict::kOk) ++taken;
  EXPECT_EQ(taken, Sad::kMaxPoliciesOfTunnel);
  EXPECT_EQ(sad_->add_policy(policy(1), now_), SadVerdict::kTunnelFull);
  add(policy(1, 8));
}

TEST_F(SadTest, PeersAreWhereLivingSasComeFrom) {
  const auto is_peer = [&](uint32_t address) { return sad_->view().is_peer(address); };
  SaDescription inbound = sa(true, 0xc0000001);
  inbound.path.remote.address = 6;
  add(inbound);
  EXPECT_TRUE(is_peer(6));
  OuterPath moved = inbound.path;
  moved.remote.address = 8;
  EXPECT_EQ(sad_->move({true, 0xc0000001, 0}, moved), SadVerdict::kOk);
  EXPECT_TRUE(is_peer(8));
  EXPECT_FALSE(is_peer(6));
  EXPECT_EQ(sad_->remove({true, 0xc0000001, 0}), SadVerdict::kOk);
  EXPECT_FALSE(is_peer(8));
}

TEST_F(SadTest, APolicyAddedTwiceIsRemovedTwice) {
  add(sa(false, 0x100));
  add(policy(0x100));
  add(policy(0x100));
  EXPECT_EQ(sad_->remove_policy(policy(0x100)), SadVerdict::kOk);
  EXPECT_EQ(carrier(), 0x100u);
  EXPECT_EQ(sad_->remove_policy(policy(0x100)), SadVerdict::kOk);
  EXPECT_EQ(carrier(), 0u);
  EXPECT_EQ(sad_->remove_policy(policy(0x100)), SadVerdict::kNotFound);
}

}  // namespace
}  // namespace farspan::ipsec
