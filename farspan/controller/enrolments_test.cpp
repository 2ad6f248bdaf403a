// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/enrolments.h"

#include <gtest/gtest.h>

#include <fstream>

#include "farspan/controller/test_network.h"

namespace farspan::controller {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
const auto kNow = std::chrono::system_clock::now();

class EnrolmentsTest : public testing::Test {
 protected:
  StateDirectory directory_;
  Enrolments enrolments_ = Enrolments::open(directory_.path()).value();
};

TEST_F(EnrolmentsTest, ATokenWorksOnce) {
  const std::string token = *enrolments_.issue("a", kNow);
  EXPECT_EQ(token.size(), 64u);
  EXPECT_TRUE(enrolments_.use(token, "a", kNow).ok());
  EXPECT_EQ(enrolments_.use(token, "a", kNow).error().code, ErrorCode::kDenied);
}

TEST_F(EnrolmentsTest, ATokenIsForItsNodeOnlyAndSurvivesTheWrongOne) {
  const std::string token = *enrolments_.issue("a", kNow);
  EXPECT_FALSE(enrolments_.use(token, "b", kNow).ok());
  EXPECT_TRUE(enrolments_.use(token, "a", kNow).ok());
}

TEST_F(EnrolmentsTest, ATokenEndsAfter24Hours) {
  const std::string token = *enrolments_.issue("a", kNow);
  EXPECT_FALSE(enrolments_.use(token, "a", kNow + hours(24) + seconds(1)).ok());
  EXPECT_TRUE(enrolments_.use(token, "a", kNow + hours(24) - seconds(2)).ok());
}

TEST_F(EnrolmentsTest, ATicketOfABareNameIsGoodUntilTheNodeHasAnotherIdentity) {
  const std::string token = *enrolments_.issue("a", kNow);
  EXPECT_FALSE(enrolments_.use(token, "r7-00000000000000ab.a.node.farspan", kNow).ok());
  EXPECT_FALSE(enrolments_.use(token, "b.node.farspan", kNow).ok());
  EXPECT_TRUE(enrolments_.use(token, "a.node.farspan", kNow).ok());
}

TEST_F(EnrolmentsTest, ANewTokenReplacesTheOldOfItsNode) {
  const std::string first = *enrolments_.issue("a", kNow), other = *enrolments_.issue("b", kNow);
  const std::string second = *enrolments_.issue("a", kNow);
  EXPECT_FALSE(enrolments_.use(first, "a", kNow).ok());
  EXPECT_TRUE(enrolments_.use(second, "a", kNow).ok());
  EXPECT_TRUE(enrolments_.use(other, "b", kNow).ok());
}

TEST_F(EnrolmentsTest, TokensSurviveARestartAndAreNotOnTheDisk) {
  const std::string token = *enrolments_.issue("a", kNow);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
    EXPECT_EQ(entry.path().string().find(token), std::string::npos);
    if (!entry.is_regular_file()) continue;
    std::string text;
    std::getline(std::ifstream(entry.path()), text, '\0');
    EXPECT_EQ(text.find(token), std::string::npos);
  }
  auto reopened = Enrolments::open(directory_.path());
  EXPECT_TRUE(reopened->use(token, "a", kNow).ok());
}

TEST_F(EnrolmentsTest, HostileTokensAreOnlyWrong) {
  for (const std::string& token :
       {std::string(), std::string("../store.db"), std::string(1 << 20, 'a')})
    EXPECT_EQ(enrolments_.use(token, "a", kNow).error().code, ErrorCode::kDenied);
}

}  // namespace
}  // namespace farspan::controller
