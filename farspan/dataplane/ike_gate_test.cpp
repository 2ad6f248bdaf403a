// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ike_gate.h"

#include <gtest/gtest.h>

#include <cstring>

namespace farspan::dataplane {
namespace {

using std::chrono::seconds;

constexpr uint32_t kUs = 0xC0000201, kStranger = 0xC6336401;
constexpr uint8_t kFromInitiator = 0x08, kInit = 34, kInformational = 37;

class IkeGateTest : public testing::Test {
 protected:
  IkeDatagram datagram(uint64_t initiator, uint64_t responder, uint8_t flags, uint8_t exchange,
                       uint8_t version = 0x20) {
    std::memcpy(bytes_.data(), &initiator, 8);
    std::memcpy(bytes_.data() + 8, &responder, 8);
    bytes_[17] = version;
    bytes_[18] = exchange;
    bytes_[19] = flags;
    return {{kStranger, 500}, {kUs, 500}, 0, bytes_};
  }
  std::optional<DropReason> judge(IkeDatagram datagram, uint32_t source, bool is_peer = false) {
    datagram.source.address = source;
    return gate_.judge(datagram, is_peer, now_);
  }
  std::optional<DropReason> open(uint32_t source) {
    return judge(datagram(++next_spi_, 0, kFromInitiator, kInit), source);
  }
  void charon_sends(const IkeDatagram& datagram) {
    gate_.sent({datagram.destination, datagram.source, 0, datagram.payload}, now_);
  }

  std::array<uint8_t, 28> bytes_{};
  uint64_t next_spi_ = 1000;
  IkeGate gate_;
  IkeGate::Instant now_{std::chrono::hours(9)};
};

TEST_F(IkeGateTest, APrefixOpensNoMoreThanItsShare) {
  for (uint32_t i = 0; i < IkeGate::kPrefixBurst; ++i)
    ASSERT_FALSE(open(kStranger + i % 200)) << "from the same /24";
  EXPECT_EQ(open(kStranger + 7), DropReason::kIkeStrangerLimit);
  EXPECT_FALSE(open(kStranger + 0x100));
  now_ += seconds(1);
  uint32_t passed = 0;
  while (!open(kStranger)) ++passed;
  EXPECT_EQ(passed, IkeGate::kPrefixRate);
}

TEST_F(IkeGateTest, AFloodFromEverywhereLeavesPeersAndHandshakesTheirShares) {
  charon_sends(datagram(7, 8, 0x20, kInit));  // its answer to somebody's opening
  uint32_t passed = 0;
  for (uint32_t i = 0; i < 100'000; ++i) passed += open(0x0B000000 + (i << 8)) ? 0 : 1;
  EXPECT_EQ(passed, IkeGate::kOpeningBurst);
  EXPECT_FALSE(judge(datagram(7, 8, kFromInitiator, 35), 0x7F000001));
  EXPECT_FALSE(judge(datagram(1, 0, kFromInitiator, kInit), kStranger, true));
}

// 200,000 a second from everywhere, for ten seconds: openings, and SPIs that nobody has.
TEST_F(IkeGateTest, WhoIsKnownIsHeardEveryTimeDuringALongFlood) {
  constexpr uint32_t kPerMoment = 2000, kMoments = 1000;
  const auto moment = std::chrono::milliseconds(10);
  uint32_t peers = 0, handshakes = 0, strangers = 0;
  uint64_t number = 0;
  charon_sends(datagram(7, 8, 0x20, kInit));
  for (uint32_t i = 0; i < kMoments; ++i) {
    for (uint32_t n = 0; n < kPerMoment; ++n) {
      const auto source = static_cast<uint32_t>(0x0B000000 + ((++number * 2654435761) & 0xFFFFFF));
      const bool is_opening = n % 2 == 0;
      const auto foreign = is_opening ? datagram(number, 0, kFromInitiator, kInit)
                                      : datagram(number, number, 0, kInformational);
      strangers += judge(foreign, source) ? 0 : 1;
    }
    // A peer opens, its neighbour goes on, and so does a stranger whom charon has answered.
    peers += judge(datagram(number, 0, kFromInitiator, kInit), kStranger, true) ? 0 : 1;
    peers += judge(datagram(1, 2, 0, kInformational), kStranger + 9, true) ? 0 : 1;
    handshakes += judge(datagram(7, 8, kFromInitiator, 35), 0x64400001 + (i << 8)) ? 0 : 1;
    if (i % 100 == 0) charon_sends(datagram(7, 8, 0x20, kInit));
    now_ += moment;
  }
  EXPECT_EQ(peers, 2 * kMoments);
  EXPECT_EQ(handshakes, kMoments);
  EXPECT_LE(strangers, IkeGate::kOpeningBurst + 10 * IkeGate::kOpeningRate);
}

TEST_F(IkeGateTest, OneForgedPeerTakesNothingFromTheOthers) {
  uint32_t passed = 0;
  for (uint32_t i = 0; i < 100'000; ++i)
    passed += judge(datagram(1, 2, 0, kInformational), kStranger, true) ? 0 : 1;
  EXPECT_EQ(passed, IkeGate::kPeerBurst);
  EXPECT_EQ(judge(datagram(1, 2, 0, kInformational), kStranger, true), DropReason::kIkePeerLimit);
  EXPECT_FALSE(judge(datagram(1, 2, 0, kInformational), kStranger + 9, true));
}

TEST_F(IkeGateTest, SpisThatCharonNeverSentEndHere) {
  EXPECT_EQ(judge(datagram(7, 8, kFromInitiator, kInformational), kStranger),
            DropReason::kIkeUnknownSpi);
  EXPECT_EQ(judge(datagram(7, 8, 0x20, kInformational), kStranger), DropReason::kIkeUnknownSpi);
  EXPECT_EQ(judge(datagram(7, 8, 0, 5, 0x30), kStranger), DropReason::kIkeUnknownSpi);
  // What a stranger chose itself is no proof.
  charon_sends(datagram(7, 8, 0x20, kInit));
  EXPECT_EQ(judge(datagram(7, 9, kFromInitiator, kInformational), kStranger),
            DropReason::kIkeUnknownSpi);
}

TEST_F(IkeGateTest, APeerIsHeardFromAnotherAddress) {            // RFC 4555
  charon_sends(datagram(7, 8, kFromInitiator, kInformational));  // we opened it: 7 is ours
  charon_sends(datagram(9, 10, 0, kInformational));              // they did: 10 is
  EXPECT_FALSE(judge(datagram(7, 8, 0, kInformational), kStranger));
  EXPECT_FALSE(judge(datagram(9, 10, kFromInitiator, kInformational), kStranger + 0x100));
}

TEST_F(IkeGateTest, OpeningsAreForgottenSoonAndBeforeWhatLives) {
  charon_sends(datagram(9, 10, 0, kInformational));
  for (uint64_t i = 0; i < 200'000; ++i) charon_sends(datagram(1, 1'000'000 + i, 0x20, kInit));
  EXPECT_FALSE(judge(datagram(9, 10, kFromInitiator, kInformational), kStranger));
  EXPECT_FALSE(judge(datagram(1, 1'199'999, kFromInitiator, 35), kStranger));
  now_ += seconds(61);
  EXPECT_EQ(judge(datagram(1, 1'199'999, kFromInitiator, 35), kStranger),
            DropReason::kIkeUnknownSpi);
  EXPECT_FALSE(judge(datagram(9, 10, kFromInitiator, kInformational), kStranger));
}

TEST_F(IkeGateTest, TheHeaderStandsBehindTheMarkerOfPort4500) {  // RFC 3948 §2.2
  std::array<uint8_t, 32> marked{};
  (void)datagram(1, 2, kFromInitiator, kInformational);
  std::copy(bytes_.begin(), bytes_.end(), marked.begin() + 4);
  EXPECT_EQ(gate_.judge({{kStranger, 4500}, {kUs, 4500}, 0, marked}, false, now_),
            DropReason::kIkeUnknownSpi);
  gate_.sent({{kUs, 4500}, {kStranger, 4500}, 0, marked}, now_);  // 1 is ours
  marked[4 + 19] = 0;
  EXPECT_FALSE(gate_.judge({{kStranger, 4500}, {kUs, 4500}, 0, marked}, false, now_));
}

}  // namespace
}  // namespace farspan::dataplane
