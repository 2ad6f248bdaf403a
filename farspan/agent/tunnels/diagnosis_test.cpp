// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/tunnels/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace farspan::tunnels {
namespace {

using namespace std::chrono_literals;
using nodestate::Tunnel;
using nodestate::TunnelId;
using ::testing::HasSubstr;

const Diagnosis::Clock::time_point kNow{1000h};

Tunnel office(const std::string& name, const std::string& remote, const std::string& remote_id) {
  Tunnel tunnel;
  tunnel.ike.remote = *net::Address::parse(remote);
  tunnel.ike.local_id = "192.0.2.1";
  tunnel.ike.remote_id = remote_id;
  tunnel.ike.ike_proposal = "aes256-sha256-modp2048";
  tunnel.use = nodestate::OfficeTunnel{name, nodestate::VrfId{1}, "psk"};
  return tunnel;
}

ProblemLine line(const std::string& text) { return *read_problem("farspan-problem " + text); }

struct TwoOfficesBehindOneAddress : ::testing::Test {
  nodestate::Tunnels wanted{{TunnelId{1}, office("office-1", "198.51.100.7", "one.example")},
                            {TunnelId{2}, office("office-2", "198.51.100.7", "two.example")},
                            {TunnelId{3}, office("office-3", "198.51.100.9", "three.example")}};
  Diagnosis diagnosis;

  std::string cause(uint32_t id, Diagnosis::Clock::duration later = 0s) {
    const auto problem = diagnosis.problem(TunnelId{id}, wanted.at(TunnelId{id}), kNow + later);
    return problem ? problem->cause : "";
  }
};

}  // namespace

TEST(ReadProblem, TakesWhatThePluginWrites) {
  const auto problem =
      read_problem("farspan-problem psk_mismatch stage=auth by=peer remote=192.0.2.7 id=CN=a b");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->cause, "psk_mismatch");
  EXPECT_EQ(problem->stage, "auth");
  EXPECT_TRUE(problem->is_by_peer);
  EXPECT_EQ(problem->remote, "192.0.2.7");
  EXPECT_EQ(problem->identity, "CN=a b");
}

TEST(ReadProblem, LeavesOtherLinesAlone) {
  EXPECT_FALSE(read_problem("sending retransmit 1 of request message ID 0, seq 1"));
  EXPECT_FALSE(read_problem("farspan-problem"));
  EXPECT_FALSE(read_problem("farspan-problem unheard_of stage=auth by=us remote=192.0.2.7 id=x"));
  EXPECT_FALSE(read_problem("farspan-problem psk_mismatch stage=auth remote=192.0.2.7 id=x"));
  EXPECT_FALSE(read_problem("farspan-problem psk_mismatch stage=auth by=us remote=192.0.2.7"));
}

TEST(ReadProblem, AnIdentityCannotPoseAsAnotherField) {
  const auto problem = read_problem(
      "farspan-problem id_mismatch stage=auth by=us remote=192.0.2.7 id=x remote=192.0.2.8 id=y");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->remote, "192.0.2.7");
  EXPECT_EQ(problem->identity, "x remote=192.0.2.8 id=y");
}

TEST_F(TwoOfficesBehindOneAddress, TheConnectionsNameDecides) {
  diagnosis.found(line("psk_mismatch stage=auth by=us remote=198.51.100.7 id=one.example"), "t2-00",
                  wanted, kNow);
  EXPECT_EQ(cause(1), "");
  EXPECT_EQ(cause(2), "psk_mismatch");
}

TEST_F(TwoOfficesBehindOneAddress, ThenTheIdentity) {
  diagnosis.found(line("id_mismatch stage=auth by=us remote=198.51.100.7 id=one.example"),
                  "(unnamed)", wanted, kNow);
  EXPECT_EQ(cause(1), "id_mismatch");
  EXPECT_EQ(cause(2), "");
}

TEST_F(TwoOfficesBehindOneAddress, ThenTheAddress) {
  diagnosis.found(line("ike_proposal_mismatch stage=init by=us remote=198.51.100.7 id=%any"), "",
                  wanted, kNow);
  EXPECT_EQ(cause(1), "ike_proposal_mismatch");
  EXPECT_EQ(cause(2), "ike_proposal_mismatch");
  EXPECT_EQ(cause(3), "");
}

TEST_F(TwoOfficesBehindOneAddress, AParticularCauseOutlivesGeneralOnesForAWhile) {
  diagnosis.found(line("psk_mismatch stage=auth by=us remote=198.51.100.7 id=x"), "t1-00", wanted,
                  kNow);
  diagnosis.found(line("peer_silent stage=auth by=peer remote=198.51.100.7 id=x"), "t1-00", wanted,
                  kNow + 59s);
  EXPECT_EQ(cause(1), "psk_mismatch");
  diagnosis.found(line("peer_silent stage=init by=peer remote=198.51.100.7 id=x"), "t1-00", wanted,
                  kNow + 61s);
  EXPECT_EQ(cause(1), "peer_silent");
}

TEST_F(TwoOfficesBehindOneAddress, WhatWeSawOutweighsWhatThePeerSays) {
  diagnosis.found(line("id_mismatch stage=auth by=us remote=198.51.100.7 id=x"), "t1-00", wanted,
                  kNow);
  diagnosis.found(line("psk_mismatch stage=auth by=peer remote=198.51.100.7 id=x"), "t1-00", wanted,
                  kNow + 1s);
  EXPECT_EQ(cause(1), "id_mismatch");
}

TEST_F(TwoOfficesBehindOneAddress, IsForgottenWhenTheTunnelIsUp) {
  diagnosis.found(line("dpd_timeout stage=established by=peer remote=198.51.100.7 id=x"), "t1-00",
                  wanted, kNow);
  EXPECT_EQ(cause(1), "dpd_timeout");
  diagnosis.clear(TunnelId{1});
  EXPECT_EQ(cause(1), "");
}

TEST_F(TwoOfficesBehindOneAddress, WordsNameTheValuesToCompare) {
  diagnosis.found(line("id_mismatch stage=auth by=us remote=198.51.100.7 id=\x1b[2Jevil"), "t1-00",
                  wanted, kNow);
  const auto problem = diagnosis.problem(TunnelId{1}, wanted.at(TunnelId{1}), kNow + 5s);
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->seconds_ago, 5u);
  EXPECT_THAT(problem->words,
              HasSubstr("(?[2Jevil) than one.example"));  // nothing a terminal would obey
  EXPECT_THAT(problem->remedy, HasSubstr("the device of office-1"));
}

}  // namespace farspan::tunnels
