// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/flow/tcp_track.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace farspan::dataplane {
namespace {

using enum TcpVerdict;
using Phase = TcpTrack::Phase;

constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10, kUrg = 0x20;

// A connection between end 0, whose first number is 1000, and end 1, whose first is 5000.
class Connection {
 public:
  explicit Connection(uint8_t scale = TcpSegment::kNoScale, uint16_t window = 10'000)
      : window_(window) {
    EXPECT_EQ(send(0, {.sequence = 1000, .window = window, .flags = kSyn, .scale = scale}),
              kPasses);
    EXPECT_EQ(send(1, {5000, 1001, 0, window, kSyn | kAck, scale}), kPasses);
    EXPECT_EQ(data(0, 1001, 5001, 0), kPasses);
    phase = Phase::kOpen;
    EXPECT_TRUE(track.is_known());
  }
  TcpVerdict send(size_t sender, const TcpSegment& segment) {
    return track.follow(sender, segment, phase);
  }
  TcpVerdict data(size_t sender, uint32_t sequence, uint32_t ack, uint32_t length,
                  uint8_t flags = kAck) {
    return send(sender, {sequence, ack, length, window_, flags});
  }
  TcpVerdict reset(size_t sender, uint32_t sequence) {
    return send(sender, {.sequence = sequence, .flags = kRst});
  }

  TcpTrack track;
  Phase phase = Phase::kOpening;

 private:
  uint16_t window_;
};

}  // namespace

TEST(TcpFlags, ThatNoTcpSendsAreImpossible) {  // RFC 9293 §3.10.7
  for (const int flags : {0x00, kSyn | kFin, kSyn | kRst, kRst | kFin, kFin | kPsh | kUrg, 0x3F,
                          int{kFin}, int{kPsh}, kSyn | kAck | kFin, 0xC0})
    EXPECT_TRUE(has_impossible_flags(static_cast<uint8_t>(flags))) << flags;
  for (const int flags : {int{kSyn}, kSyn | kAck, int{kAck}, kAck | kPsh, kFin | kAck, int{kRst},
                          kRst | kAck, kAck | kUrg, kFin | kAck | kPsh | kUrg, kSyn | 0xC0})
    EXPECT_FALSE(has_impossible_flags(static_cast<uint8_t>(flags))) << flags;
}

TEST(TcpTrack, DataOutsideTheWindowIsNoDataOfThisConnection) {
  Connection c;
  EXPECT_EQ(c.data(0, 1001, 5001, 10'000), kPasses) << "all that fits";
  EXPECT_EQ(c.data(0, 11'001, 5001, 2), kOutsideWindow);
  EXPECT_EQ(c.data(0, 0x8000'0000, 5001, 10), kOutsideWindow);
  EXPECT_EQ(c.data(0, 500, 5001, 10), kOutsideWindow) << "long ago";
  EXPECT_EQ(c.data(1, 5001, 20'000, 0), kOutsideWindow) << "acknowledges what nobody sent";
  EXPECT_EQ(c.data(1, 5001, 11'001, 0), kPasses);
  EXPECT_EQ(c.data(0, 11'001, 5001, 10'000), kPasses) << "the window moved";
}

TEST(TcpTrack, RetransmissionsKeepalivesAndProbesPass) {
  Connection c;
  EXPECT_EQ(c.data(0, 1001, 5001, 5000), kPasses);
  EXPECT_EQ(c.data(0, 1001, 5001, 1000), kPasses) << "once more";
  EXPECT_EQ(c.data(0, 8001, 5001, 1000), kPasses) << "one was lost before us";
  EXPECT_EQ(c.data(0, 6001, 5001, 2000), kPasses) << "and here it comes";
  EXPECT_EQ(c.send(1, {5001, 9001, 0, 0, kAck}), kPasses) << "closes the window";
  EXPECT_EQ(c.data(0, 9000, 5001, 0), kPasses) << "is anybody there? (RFC 1122 §4.2.3.6)";
  EXPECT_EQ(c.data(0, 9000, 5001, 1), kPasses) << "the same with a byte";
  Connection closed;
  EXPECT_EQ(closed.data(0, 1001, 5001, 10'000), kPasses);
  EXPECT_EQ(closed.send(1, {5001, 11'001, 0, 0, kAck}), kPasses);
  EXPECT_EQ(closed.data(0, 11'001, 5001, 1), kPasses) << "RFC 9293 §3.8.6.1";
}

TEST(TcpTrack, WindowsAreScaledAsBothSynsSay) {  // RFC 7323 §2
  Connection scaled(4);
  EXPECT_EQ(scaled.data(0, 1001, 5001, 10'000), kPasses) << "a SYN's window is not scaled";
  EXPECT_EQ(scaled.data(1, 5001, 11'001, 0), kPasses);
  EXPECT_EQ(scaled.data(0, 11'001, 5001, 160'000), kPasses);
  EXPECT_EQ(scaled.data(0, 171'001, 5001, 2), kOutsideWindow);
  TcpTrack one;  // only one offers it
  one.follow(0, {.sequence = 1000, .window = 10'000, .flags = kSyn, .scale = 7}, Phase::kOpening);
  one.follow(1, {5000, 1001, 0, 10'000, kSyn | kAck}, Phase::kOpening);
  one.follow(1, {5001, 1001, 0, 10'000, kAck}, Phase::kOpen);
  EXPECT_EQ(one.follow(0, {1001, 5001, 10'002, 100, kAck}, Phase::kOpen), kOutsideWindow);
}

TEST(TcpTrack, OnlyAnExactResetCloses) {  // RFC 5961 §3.2
  Connection c;
  EXPECT_EQ(c.data(0, 1001, 5001, 3000), kPasses);
  EXPECT_EQ(c.reset(0, 0xdeadbeef), kWrongReset);
  EXPECT_EQ(c.reset(0, 3000), kPasses) << "the receiver challenges it";
  EXPECT_EQ(c.reset(0, 4001), kCloses) << "behind what was sent last";
  EXPECT_EQ(c.reset(0, 1001), kCloses) << "what the other acknowledged last";
  TcpTrack refused;
  refused.follow(0, {.sequence = 1000, .window = 100, .flags = kSyn}, Phase::kOpening);
  EXPECT_EQ(refused.follow(1, {0, 77, 0, 0, kRst | kAck}, Phase::kOpening), kPasses);
  EXPECT_EQ(refused.follow(1, {0, 1001, 0, 0, kRst | kAck}, Phase::kOpening), kCloses);
}

// A host that lost its memory opens anew: the other's challenge makes it reset what it forgot
// (RFC 5961 §4.2).
TEST(TcpTrack, ASynOfTheOpenerIsAnsweredByAChallenge) {
  Connection c;
  EXPECT_EQ(c.send(0, {.sequence = 77'000'000, .window = 100, .flags = kSyn}), kPasses);
  EXPECT_EQ(c.data(1, 5001, 1001, 0), kPasses) << "the challenge";
  EXPECT_EQ(c.reset(0, 1001), kCloses);
  Connection d;
  EXPECT_EQ(d.send(1, {.sequence = 5000, .window = 100, .flags = kSyn}), kWrongSyn);
  EXPECT_EQ(d.send(1, {9000, 1001, 0, 100, kSyn | kAck}), kWrongSyn);
  EXPECT_EQ(d.send(1, {5000, 1001, 0, 100, kSyn | kAck}), kPasses) << "its answer once more";
  EXPECT_EQ(d.data(0, 1001, 5001, 100), kPasses) << "nothing of this changed anything";
}

// Both hosts forgot the connection without a word, and the opener uses its port again.
TEST(TcpTrack, AnAnswerToASynInsideAConnectionOpensANewOne) {
  const TcpSegment syn{.sequence = 77'000'000, .window = 500, .flags = kSyn};
  Connection c;
  EXPECT_EQ(c.send(0, syn), kPasses);
  EXPECT_EQ(c.send(1, {9'000'000, 77'000'002, 0, 500, kSyn | kAck}), kWrongSyn) << "to nothing";
  EXPECT_EQ(c.send(1, {9'000'000, 77'000'001, 0, 500, kSyn | kAck}), kPasses);
  EXPECT_EQ(c.send(0, {77'000'001, 9'000'001, 500, 500, kAck}), kPasses);
  EXPECT_EQ(c.send(0, {77'000'502, 9'000'001, 500, 500, kAck}), kOutsideWindow);
  EXPECT_EQ(c.data(0, 1001, 5001, 100), kOutsideWindow) << "of the old one";
  Connection refused;
  refused.send(0, syn);
  EXPECT_EQ(refused.send(1, {0, 77'000'002, 0, 0, kRst | kAck}), kPasses) << "to nothing";
  EXPECT_EQ(refused.send(1, {0, 77'000'001, 0, 0, kRst | kAck}), kCloses);
}

TEST(TcpTrack, BothMayOpenAtOnce) {  // RFC 9293 §3.5
  TcpTrack track;
  const auto opening = [&](size_t sender, const TcpSegment& segment) {
    return track.follow(sender, segment, Phase::kOpening);
  };
  EXPECT_EQ(opening(0, {.sequence = 100, .window = 1000, .flags = kSyn}), kPasses);
  EXPECT_EQ(opening(1, {.sequence = 300, .window = 1000, .flags = kSyn}), kPasses);
  EXPECT_EQ(opening(0, {100, 301, 0, 1000, kSyn | kAck}), kPasses);
  EXPECT_EQ(opening(1, {300, 101, 0, 1000, kSyn | kAck}), kPasses);
  EXPECT_EQ(track.follow(0, {101, 301, 1000, 1000, kAck}, Phase::kOpen), kPasses);
  EXPECT_TRUE(track.is_known());
  EXPECT_EQ(track.follow(0, {1101, 301, 1000, 1000, kAck}, Phase::kOpen), kOutsideWindow);
}

TEST(TcpTrack, AnAnswerMayThinkOfAnotherFirstNumber) {  // RFC 4987 §3.6
  TcpTrack track;
  const TcpSegment syn{.sequence = 1000, .window = 1000, .flags = kSyn};
  track.follow(0, syn, Phase::kOpening);
  EXPECT_EQ(track.follow(1, {5000, 1001, 0, 1000, kSyn | kAck}, Phase::kOpening), kPasses);
  EXPECT_EQ(track.follow(0, syn, Phase::kOpening), kPasses) << "the answer was lost";
  EXPECT_EQ(track.follow(1, {90'000, 1001, 0, 1000, kSyn | kAck}, Phase::kOpening), kPasses);
  EXPECT_EQ(track.follow(0, {1001, 90'001, 10, 1000, kAck}, Phase::kOpening), kPasses);
  EXPECT_TRUE(track.is_known());
}

TEST(TcpTrack, WhatIsPickedUpInTheMiddleIsCheckedOnceBothWereSeen) {
  Connection c;
  c.track.pick_up_again();
  EXPECT_EQ(c.data(0, 700'000, 900'000, 100), kPasses);
  EXPECT_FALSE(c.track.is_known());
  EXPECT_EQ(c.data(1, 0xdead'0000, 0xbeef'0000, 0), kPasses) << "forged, and fits nothing";
  EXPECT_FALSE(c.track.is_known());
  EXPECT_EQ(c.data(1, 900'000, 700'100, 0), kPasses);
  EXPECT_TRUE(c.track.is_known());
  EXPECT_EQ(c.data(1, 0xdead'0000, 700'100, 0), kOutsideWindow);
  EXPECT_EQ(c.data(0, 700'100, 900'000, 100), kPasses);
}

namespace {

// What both ends have shown, in numbers that never wrap and with everything that was ever said.
struct Said {
  int64_t begin, end, ack, window;
};
class PlainModel {
 public:
  bool fits(size_t sender, const Said& s) const {
    const auto &own = said_[sender], &other = said_[sender ^ 1];
    int64_t limit = 0, kept = 1, last = 0, got = 0, window = 66'000;
    for (const Said& o : other) {
      limit = std::max(limit, o.ack + o.window);
      kept = std::max(kept, o.window);
      got = std::max(got, o.end);
    }
    for (const Said& o : own) {
      last = std::max(last, o.end);
      window = std::max(window, o.window);
    }
    return s.end <= limit + 1 && s.begin >= last - kept - 1 && s.ack <= got &&
           s.ack >= got - window;
  }
  void add(size_t sender, const Said& s) { said_[sender].push_back(s); }

 private:
  std::vector<Said> said_[2];
};

// One host: sends what the other's window takes, repeats, probes, acknowledges what it has got.
struct Host {
  int64_t first = 0, next = 0, acknowledged = 0;  // next to send; by the other
  int64_t allowed = 0;                            // by the other's window
  int64_t got = 0;                                // of the other, in order
  int64_t window = 0;                             // what it announces
};

}  // namespace

// Two hosts over a lossy way, in front of and behind us, and somebody who forges: nothing of the
// hosts is refused, and of what is forged exactly what the model refuses.
TEST(TcpTrack, AgreesWithAPlainModelAndRefusesNothingOfTheHosts) {
  std::mt19937_64 rng(9293);
  const auto draw = [&](uint64_t below) { return static_cast<int64_t>(rng() % below); };
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    TcpTrack track;
    PlainModel model;
    const auto scale = static_cast<uint8_t>(draw(9));
    Host hosts[2];
    for (Host& host : hosts) {
      host.first = host.next = (int64_t{1} << 33) + static_cast<int64_t>(rng() & 0xFFFF'FFFF);
      host.window = draw(65'536);
    }
    const auto segment = [&](const Said& said, uint8_t flags) {
      const bool is_syn = (flags & kSyn) != 0;
      return TcpSegment{static_cast<uint32_t>(said.begin),
                        static_cast<uint32_t>(said.ack),
                        static_cast<uint32_t>(said.end - said.begin - (is_syn ? 1 : 0)),
                        static_cast<uint16_t>(is_syn ? said.window : said.window >> scale),
                        flags,
                        is_syn ? scale : TcpSegment::kNoScale};
    };
    for (size_t i : {size_t{0}, size_t{1}}) {
      Host &own = hosts[i], &other = hosts[i ^ 1];
      const Said said{own.first, own.first + 1, i == 0 ? own.first : other.next, own.window};
      ASSERT_EQ(track.follow(i, segment(said, i == 0 ? kSyn : kSyn | kAck), Phase::kOpening),
                kPasses);
      own.next = own.first + 1;
      other.got = own.next;
      other.allowed = other.first + 1 + own.window;
      // what a SYN's window allows counts from what is acknowledged
      model.add(i, {said.begin, said.end, i == 0 ? other.first + 1 : other.next, said.window});
    }
    hosts[0].acknowledged = hosts[0].next;
    hosts[1].acknowledged = hosts[1].next;
    for (int step = 0; step < 200; ++step) {
      const auto i = static_cast<size_t>(draw(2));
      Host &own = hosts[i], &other = hosts[i ^ 1];
      if (draw(4) == 0) own.window = draw(3) == 0 ? 0 : draw(65'536) << scale;
      own.window = own.window >> scale << scale;
      Said said{own.next, own.next, own.got, own.window};
      const int64_t room = own.allowed - own.next;
      const bool is_new = room > 0 && draw(3) > 0;
      if (is_new) {
        said.end += 1 + draw(static_cast<uint64_t>(std::min<int64_t>(room, 60'000)));
        own.next = said.end;
      } else if (own.next > own.acknowledged && draw(2) == 0) {
        said.begin = own.acknowledged + draw(static_cast<uint64_t>(own.next - own.acknowledged));
        said.end = said.begin + 1 + draw(static_cast<uint64_t>(own.next - said.begin));
      } else if (draw(4) == 0) {
        said.begin -= 1;  // keepalive
      }
      if (draw(8) == 0) continue;  // lost before us
      ASSERT_EQ(track.follow(i, segment(said, kAck), Phase::kOpen), kPasses)
          << "round " << round << " step " << step;
      ASSERT_TRUE(model.fits(i, said)) << "the model is wrong";
      model.add(i, said);
      if (draw(8) != 0) {  // not lost behind us
        if (said.begin <= other.got && said.end > other.got) other.got = said.end;
        other.acknowledged = std::max(other.acknowledged, said.ack);
        other.allowed = std::max(other.allowed, said.ack + said.window);
      }
      if (draw(3) != 0) continue;
      const auto forger = static_cast<size_t>(draw(2));
      const int64_t spread = int64_t{1} << (4 + draw(26));
      Said forged{hosts[forger].next - spread / 2 + draw(static_cast<uint64_t>(spread)), 0,
                  hosts[forger ^ 1].next - draw(static_cast<uint64_t>(spread)) + spread / 8, 0};
      forged.end = forged.begin + draw(1500);
      const TcpVerdict verdict = track.follow(forger, segment(forged, kAck), Phase::kOpen);
      ASSERT_EQ(verdict == kPasses, model.fits(forger, forged));
      if (verdict == kPasses) {
        model.add(forger, forged);
        break;  // whoever can do that ends the connection anyway
      }
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace farspan::dataplane
