// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/tunnels/duplicate_sas.h"

#include <gtest/gtest.h>

namespace farspan::tunnels {
namespace {

using namespace std::chrono_literals;
using Remedy = DuplicateSas::Remedy;

constexpr nodestate::TunnelId kTunnel{7};
constexpr DuplicateSas::Clock::time_point kStart{};

ChildSaStatus child(const char* id, const char* state = "INSTALLED",
                    const char* remote = "10.10.10.0/24") {
  ChildSaStatus child;
  child.unique_id = id;
  child.state = state;
  child.local_subnets = {"0.0.0.0/0"};
  child.remote_subnets = {remote};
  return child;
}

IkeSa ike(const char* id, bool is_initiator, std::vector<ChildSaStatus> children) {
  IkeSa sa;
  sa.unique_id = id;
  sa.is_established = sa.is_settled = sa.status.is_ike_established = true;
  sa.is_initiator = is_initiator;
  sa.version = 2;
  sa.status.is_child_established = !children.empty();
  sa.status.children = std::move(children);
  return sa;
}

class DuplicateSasTest : public testing::Test {
 protected:
  Remedy look(const std::vector<IkeSa>& sas, std::chrono::seconds at) {
    return duplicates_.look(kTunnel, sas, kStart + at);
  }

  DuplicateSas duplicates_;
  const Remedy nothing_{};
};

TEST_F(DuplicateSasTest, OneIsLeftAlone) {
  for (auto at : {0s, 15s, 100s}) EXPECT_EQ(look({ike("1", true, {child("5")})}, at), nothing_);
}

TEST_F(DuplicateSasTest, TheOneInUseIsReplacedBeforeTheOtherIsEnded) {
  const IkeSa theirs = ike("2", false, {child("6")});
  std::vector<IkeSa> sas = {ike("1", true, {child("5")}), theirs};
  EXPECT_EQ(look(sas, 0s), nothing_);
  EXPECT_EQ(look(sas, 14s), nothing_);  // charon's own replacement takes ten
  EXPECT_EQ(look(sas, 15s), (Remedy{{"5"}, {}}));
  EXPECT_EQ(look(sas, 16s), nothing_);  // not answered yet
  sas[0] = ike("1", true, {child("5", "REKEYING")});
  EXPECT_EQ(look(sas, 17s), nothing_);
  sas[0] = ike("1", true, {child("5", "REKEYED"), child("7", "INSTALLING")});
  EXPECT_EQ(look(sas, 18s), nothing_);
  sas[0] = ike("1", true, {child("5", "REKEYED"), child("7")});
  EXPECT_EQ(look(sas, 19s), (Remedy{{}, {"2"}}));
  EXPECT_EQ(look(sas, 20s), nothing_);  // on its way
}

TEST_F(DuplicateSasTest, ARekeyThatNeverCameIsAskedForAgainAndNothingIsEnded) {
  const std::vector<IkeSa> sas = {ike("1", true, {child("5")}), ike("2", false, {child("6")})};
  (void)look(sas, 0s);
  EXPECT_EQ(look(sas, 15s), (Remedy{{"5"}, {}}));
  EXPECT_EQ(look(sas, 74s), nothing_);
  EXPECT_EQ(look(sas, 75s), (Remedy{{"5"}, {}}));
}

TEST_F(DuplicateSasTest, APeerThatRefusesTheRekeyIsAskedLessAndLessOften) {
  // The refusal makes charon make the IKE SA anew: after each one there is a pair with a new id.
  std::vector<std::chrono::seconds> asked;
  int id = 10;
  for (std::chrono::seconds at = 0s; at < 4h; ++at) {
    const std::string ours = std::to_string(id), child_of_ours = std::to_string(id + 1);
    const Remedy remedy = look(
        {ike(ours.c_str(), true, {child(child_of_ours.c_str())}), ike("2", false, {child("6")})},
        at);
    EXPECT_TRUE(remedy.end_ike_sas.empty());
    if (remedy.rekey_children.empty()) continue;
    asked.push_back(at);
    EXPECT_EQ(look({ike("2", false, {child("6")})}, at), nothing_);  // one of them for a moment
    id += 2;
  }
  ASSERT_GT(asked.size(), 4u);
  EXPECT_LT(asked.size(), 12u) << "or each time charon makes another IKE SA";
  for (size_t i = 2; i < asked.size(); ++i)
    EXPECT_GE(asked[i] - asked[i - 1],
              std::min<std::chrono::seconds>(asked[i - 1] - asked[i - 2], 1h));
}

TEST_F(DuplicateSasTest, ARefusalThatChangesNothingIsRepeatedLessAndLessOften) {
  const std::vector<IkeSa> sas = {ike("1", true, {child("5")}), ike("2", false, {child("6")})};
  size_t asked = 0;
  for (std::chrono::seconds at = 0s; at < 4h; ++at) asked += look(sas, at).rekey_children.size();
  EXPECT_GT(asked, 4u);
  EXPECT_LT(asked, 12u);
}

TEST_F(DuplicateSasTest, OnlyAChildSaThatWasNotThereBeforeProvesAnything) {
  const IkeSa theirs = ike("2", false, {child("6")});
  (void)look({ike("1", true, {child("5"), child("4")}), theirs}, 0s);
  EXPECT_EQ(look({ike("1", true, {child("5"), child("4")}), theirs}, 15s), (Remedy{{"5"}, {}}));
  // the peer is gone; the rekey of the first waits, and the second was there all the time
  EXPECT_EQ(look({ike("1", true, {child("5", "REKEYING"), child("4")}), theirs}, 16s), nothing_);
  EXPECT_EQ(look({ike("1", true, {child("4"), child("7")}), theirs}, 17s), (Remedy{{}, {"2"}}));
}

TEST_F(DuplicateSasTest, WhatAnEarlierCharonHadProvesNothing) {
  const IkeSa theirs = ike("2", false, {child("6")});
  (void)look({ike("1", true, {child("5")}), theirs}, 0s);
  EXPECT_EQ(look({ike("1", true, {child("5")}), theirs}, 15s), (Remedy{{"5"}, {}}));
  duplicates_.forget_all();
  EXPECT_EQ(look({ike("1", true, {child("3")}), theirs}, 20s), nothing_);
  EXPECT_EQ(look({ike("1", true, {child("3")}), theirs}, 35s), (Remedy{{"3"}, {}}));
}

TEST_F(DuplicateSasTest, OneWithoutChildSasNeedsNoReplacement) {
  const std::vector<IkeSa> sas = {ike("1", true, {}), ike("2", false, {child("6")})};
  (void)look(sas, 0s);
  EXPECT_EQ(look(sas, 15s), (Remedy{{}, {"1"}}));
}

TEST_F(DuplicateSasTest, APeerThatMakesItAgainHasItForLongerEachTime) {
  const auto with = [](const char* theirs) {
    return std::vector{ike("1", true, {child("5")}), ike(theirs, false, {})};
  };
  (void)look(with("2"), 0s);
  EXPECT_EQ(look(with("2"), 15s), (Remedy{{}, {"2"}}));
  EXPECT_EQ(look({ike("1", true, {child("5")})}, 16s), nothing_);
  EXPECT_EQ(look(with("3"), 20s), nothing_);
  EXPECT_EQ(look(with("3"), 49s), nothing_);
  EXPECT_EQ(look(with("3"), 50s), (Remedy{{}, {"3"}}));
  EXPECT_EQ(look({ike("1", true, {child("5")})}, 51s + 3600s), nothing_);  // forgiven
  EXPECT_EQ(look(with("4"), 4000s), nothing_);
  EXPECT_EQ(look(with("4"), 4015s), (Remedy{{}, {"4"}}));
}

TEST_F(DuplicateSasTest, WhatTheKeptOneDoesNotCarryIsNotEnded) {
  const std::vector<IkeSa> sas = {
      ike("1", true, {child("5")}),
      ike("2", false, {child("6"), child("8", "INSTALLED", "10.9.0.0/16")})};
  (void)look(sas, 0s);
  EXPECT_EQ(look(sas, 15s), nothing_);
  const std::vector<IkeSa> empty = {ike("1", true, {}), ike("2", false, {})};
  (void)look(empty, 20s);
  EXPECT_EQ(look(empty, 100s), nothing_);
}

TEST_F(DuplicateSasTest, ARekeyOfAnIkeSaSettlesItself) {
  std::vector<IkeSa> sas = {ike("1", true, {child("5")}), ike("2", true, {child("6")})};
  sas[0].is_settled = false;
  (void)look(sas, 0s);
  EXPECT_EQ(look(sas, 100s), nothing_);
}

TEST_F(DuplicateSasTest, IkeV1IsLeftToCharon) {
  std::vector<IkeSa> sas = {ike("1", true, {child("5")}), ike("2", false, {})};
  for (IkeSa& sa : sas) sa.version = 1;
  (void)look(sas, 0s);
  EXPECT_EQ(look(sas, 100s), nothing_);
}

TEST_F(DuplicateSasTest, AnotherPairWaitsAnew) {
  (void)look({ike("1", true, {child("5")}), ike("2", false, {})}, 0s);
  EXPECT_EQ(look({ike("1", true, {child("5")}), ike("3", false, {})}, 15s), nothing_);
  EXPECT_EQ(look({ike("1", true, {child("5")}), ike("3", false, {})}, 30s), (Remedy{{}, {"3"}}));
}

}  // namespace
}  // namespace farspan::tunnels
