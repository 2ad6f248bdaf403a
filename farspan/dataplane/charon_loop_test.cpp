// SPDX-License-Identifier: Apache-2.0
// The real thread, its real socket and the real transform; charon is a client of the
// protocol that comes and goes.
#include "farspan/dataplane/charon_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <thread>

#include "farspan/dataplane/ipsec/esp.h"
#include "farspan/dataplane/ipsec/test_sas.h"
#include "farspan/dataplane/test_charon.h"

namespace farspan::dataplane {
namespace {

using namespace ipsec;  // NOLINT: a test
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint32_t kTunnel = 7, kOut = 0x1000, kIn = 0xc0000001;
constexpr uint32_t kReqid = 31;
constexpr InnerFlow kFlow = {0x0A0A0A05, 0xAC10010A, 40000, 80, 6};

class CharonLoopTest : public testing::Test {
 protected:
  CharonLoopTest() {
    auto loop = CharonLoop::create(shared_, sad_, directory_);
    FS_CHECK(loop.ok());
    loop_ = std::move(*loop);
    thread_ = std::thread([this] { loop_->run(); });
  }
  ~CharonLoopTest() override {
    loop_->stop();
    thread_.join();
    loop_.reset();
    std::filesystem::remove_all(directory_);
  }

  static std::string make_directory() {
    std::string path = "/tmp/farspan_charon_XXXXXX";
    FS_CHECK(::mkdtemp(path.data()) != nullptr);
    return path;
  }
  static bool put(void* shared, const SaEvent& event) {
    return static_cast<SharedState*>(shared)->sa_events.push(event);
  }

  std::unique_ptr<Charon> charon() { return std::make_unique<Charon>(directory_ + "/sad.sock"); }
  /// Charon with one tunnel: an inbound and an outbound SA of ten packets, and the policy.
  std::unique_ptr<Charon> charon_with_a_tunnel() {
    auto made = charon();
    EXPECT_EQ(made->hello(), FS_SAD_OK);
    EXPECT_EQ(made->synced(), FS_SAD_OK);
    tell_of_the_tunnel(*made);
    return made;
  }
  void tell_of_the_tunnel(Charon& charon) {
    EXPECT_EQ(charon.add(inbound_), FS_SAD_OK);
    EXPECT_EQ(charon.add(outbound_), FS_SAD_OK);
    EXPECT_EQ(charon.ask(request(FS_SAD_ADD_POLICY, out_policy(kOut))), FS_SAD_OK);
  }
  /// The same charon with a new connection.
  std::unique_ptr<Charon> back() {
    auto made = charon();
    EXPECT_EQ(made->hello(), FS_SAD_OK);
    tell_of_the_tunnel(*made);
    EXPECT_EQ(made->synced(), FS_SAD_OK);
    return made;
  }

  // ---- the worker's part ----
  const SadView& view() { return sad_.view(); }  // and nothing that was found in it is kept
  void send_packets(int count) {
    OutboundSa& sa = *view().newest_outbound(kTunnel);
    for (int i = 0; i < count; ++i) (void)sealed(sa);
  }
  void receive_packets(int count, uint16_t from_port) {
    InboundSa& sa = *view().inbound(kIn);
    for (int i = 0; i < count; ++i) {
      std::vector<uint8_t> esp = sealed(peer_);
      OpenSlot slot{
          &sa, esp.data(), static_cast<uint32_t>(esp.size()), {0xC0000202, from_port}, nullptr, 0,
          0,   {}};
      worker_->open({&slot, 1});
      ASSERT_FALSE(slot.drop);
    }
  }
  void want_tunnel() {
    const auto selected = view().select(kTunnel, kFlow);
    ASSERT_EQ(selected.answer, SadView::Selection::Answer::kAcquire);
    SaEvent event{};
    event.kind = SaEvent::Kind::kAcquire;
    event.tunnel = kTunnel;
    event.reqid = selected.trap->reqid();
    event.flow = kFlow;
    ASSERT_TRUE(put(&shared_, event));
  }
  std::vector<uint8_t> sealed(OutboundSa& sa) {
    std::vector<uint8_t> esp(sa.sealed_length(100));
    SealSlot slot{&sa, esp.data(), 100, 4, 0, {}};
    worker_->seal({&slot, 1});
    EXPECT_FALSE(slot.drop);
    return esp;
  }
  /// What the worker said was taken out of the ring, and whoever asks from now on comes later.
  void wait_until_events_are_taken() {
    pollfd events{shared_.sa_events.fd(), POLLIN, 0};
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
    while (::poll(&events, 1, 0) != 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), end);
      std::this_thread::yield();
    }
  }

  static fs_sad_sa limited(fs_sad_sa sa, uint64_t soft, uint64_t hard) {
    sa.soft_packets = soft;
    sa.hard_packets = hard;
    return sa;
  }
  SaDescription peer_description() const {
    SaDescription description;
    description.spi = kIn;
    description.suite = {crypto::Cipher::kAesGcm256, crypto::Integrity::kAead};
    description.encryption_key.length = 36;
    std::fill_n(description.encryption_key.bytes.begin(), 36, inbound_.encryption_key[0]);
    description.has_esn = true;
    description.path = {{0xC0000202, 4500}, {0xC0000201, 4500}, true};
    return description;
  }

  fs_sad_sa inbound_ = limited(gcm_sa(true, kIn), 10, 0),
            outbound_ = limited(gcm_sa(false, kOut), 10, 20);
  std::string directory_ = make_directory();
  std::unique_ptr<crypto::Context> context_ = *crypto::Context::create();
  std::unique_ptr<SequenceArena> arena_ = *SequenceArena::open(directory_ + "/sequences", 4096);
  std::unique_ptr<SequenceArena> peer_arena_ = *SequenceArena::open(directory_ + "/peer", 64);
  OutboundSa peer_{
      *context_, peer_description(), {*peer_arena_, *peer_arena_->claim(false, kIn, {})}};
  Sad sad_{*arena_, *context_};  // the loop's thread only
  TableBuilder builder_;
  SharedState shared_{builder_.first()};
  std::unique_ptr<EspWorker> worker_ = *EspWorker::create({&CharonLoopTest::put, &shared_});
  std::unique_ptr<CharonLoop> loop_;
  std::thread thread_;
};

TEST_F(CharonLoopTest, TellsCharonOfLimitsAndMovesAsTheyCome) {
  const auto charon = charon_with_a_tunnel();
  receive_packets(1, 61001);
  EXPECT_EQ(charon->next(), "in 3221225473 moved to port 61001");
  receive_packets(8, 61001);
  send_packets(10);
  EXPECT_EQ(charon->next(), "out 4096 soft");
  receive_packets(1, 61001);
  EXPECT_EQ(charon->next(), "in 3221225473 soft");
  EXPECT_THAT(charon->heard(), IsEmpty());
}

TEST_F(CharonLoopTest, ALimitReachedWhileCharonIsAwayIsToldAtItsReturn) {
  (void)charon_with_a_tunnel();
  send_packets(10);
  receive_packets(10, 4500);
  wait_until_events_are_taken();
  EXPECT_THAT(back()->heard(), ElementsAre("out 4096 soft", "in 3221225473 soft"));
  send_packets(10);
  wait_until_events_are_taken();
  EXPECT_THAT(back()->heard(), ElementsAre("out 4096 hard", "in 3221225473 soft"));
}

TEST_F(CharonLoopTest, AMoveWhileCharonIsAwayIsToldAtItsReturn) {
  (void)charon_with_a_tunnel();
  receive_packets(2, 61001);
  receive_packets(1, 61002);
  wait_until_events_are_taken();
  EXPECT_THAT(back()->heard(), ElementsAre("in 3221225473 moved to port 61002"));
}

TEST_F(CharonLoopTest, WhatNoLongerHoldsIsNotTold) {
  (void)charon_with_a_tunnel();
  receive_packets(1, 61001);
  receive_packets(1, 4500);  // back where it was
  wait_until_events_are_taken();
  EXPECT_THAT(back()->heard(), IsEmpty());

  receive_packets(1, 61001);
  wait_until_events_are_taken();
  inbound_.id.source.port = 61001;  // charon learnt it otherwise: IKE moved too
  EXPECT_THAT(back()->heard(), IsEmpty());

  send_packets(10);
  wait_until_events_are_taken();
  const auto without_it = charon();
  EXPECT_EQ(without_it->hello(), FS_SAD_OK);
  EXPECT_EQ(without_it->synced(), FS_SAD_OK);  // it has deleted both SAs
  EXPECT_THAT(without_it->heard(), IsEmpty());
}

TEST_F(CharonLoopTest, AnotherCharonHearsNothingOfSasItDoesNotKnow) {
  (void)charon_with_a_tunnel();
  send_packets(10);
  wait_until_events_are_taken();
  const auto successor = charon();
  EXPECT_EQ(successor->hello(kInstance + 1), FS_SAD_OK);
  EXPECT_EQ(successor->synced(), FS_SAD_OK);
  EXPECT_THAT(successor->heard(), IsEmpty());
}

class TrapTest : public CharonLoopTest {
 protected:
  static fs_sad_policy trap(uint32_t reqid) {
    fs_sad_policy policy = out_policy(0);
    policy.priority = 2;
    policy.reqid = reqid;
    return policy;
  }
  std::unique_ptr<Charon> charon_with_a_trap(uint64_t instance, uint32_t reqid) {
    auto made = charon();
    EXPECT_EQ(made->hello(instance), FS_SAD_OK);
    EXPECT_EQ(made->ask(request(FS_SAD_ADD_POLICY, trap(reqid))), FS_SAD_OK);
    EXPECT_EQ(made->synced(), FS_SAD_OK);
    return made;
  }
};

TEST_F(TrapTest, APacketThatNeedsATunnelWhileCharonIsAwayIsToldAtItsReturn) {
  EXPECT_THAT(charon_with_a_trap(kInstance, kReqid)->heard(), IsEmpty());
  want_tunnel();
  wait_until_events_are_taken();
  const auto again = charon_with_a_trap(kInstance, kReqid);
  EXPECT_THAT(again->heard(), ElementsAre("acquire of reqid 31 to port 80"));
  EXPECT_THAT(again->heard(), IsEmpty());
}

TEST_F(TrapTest, ACharonStartedAnewHearsOfItWhenItHasTheTrap) {
  (void)charon_with_a_trap(kInstance, kReqid);
  want_tunnel();
  wait_until_events_are_taken();
  const auto successor = charon();
  EXPECT_EQ(successor->hello(kInstance + 1), FS_SAD_OK);
  EXPECT_EQ(successor->synced(), FS_SAD_OK);
  EXPECT_THAT(successor->heard(), IsEmpty());
  EXPECT_EQ(successor->ask(request(FS_SAD_ADD_POLICY, trap(kReqid + 1))), FS_SAD_OK);
  EXPECT_EQ(successor->next(), "acquire of reqid 32 to port 80");
}

TEST_F(TrapTest, AWishThatWasGrantedIsForgotten) {
  {
    const auto first = charon_with_a_trap(kInstance, kReqid);
    want_tunnel();
    EXPECT_EQ(first->next(), "acquire of reqid 31 to port 80");
    tell_of_the_tunnel(*first);
  }
  const auto again = charon();
  EXPECT_EQ(again->hello(), FS_SAD_OK);
  EXPECT_EQ(again->ask(request(FS_SAD_ADD_POLICY, trap(kReqid))), FS_SAD_OK);
  tell_of_the_tunnel(*again);
  EXPECT_EQ(again->synced(), FS_SAD_OK);
  EXPECT_THAT(again->heard(), IsEmpty());
}

// Every tunnel behind one NAT that was restarted moves in the same moment.
TEST_F(TrapTest, MoreThanTheSocketHoldsIsNeitherLostNorTheEndOfTheConnection) {
  const auto charon = this->charon();
  EXPECT_EQ(charon->hello(), FS_SAD_OK);
  EXPECT_EQ(charon->synced(), FS_SAD_OK);
  EXPECT_EQ(charon->ask(request(FS_SAD_ADD_POLICY, trap(31))), FS_SAD_OK);
  constexpr int kWishes = 3000;
  for (int wish = 0; wish < kWishes; ++wish) {
    want_tunnel();
    wait_until_events_are_taken();  // so that the ring is never full
  }
  for (int wish = 0; wish < kWishes; ++wish)
    ASSERT_EQ(charon->next(),
              "acquire of reqid 31 to port " + std::to_string(kFlow.destination_port));
  EXPECT_THAT(charon->heard(), IsEmpty());
}

// A peer that wanders from port to port (I.4) is followed, and charon's queue does not grow.
TEST_F(CharonLoopTest, OfAWanderingPeerCharonHearsOnceASecondAndThenTheNewest) {
  const auto charon = charon_with_a_tunnel();
  for (uint16_t move = 0; move < 500; ++move)
    receive_packets(1, static_cast<uint16_t>(10'000 + move));
  EXPECT_EQ(charon->next(), "in 3221225473 moved to port 10000");
  std::string last = charon->next();
  if (last == "in 3221225473 soft") last = charon->next();
  EXPECT_EQ(last, "in 3221225473 moved to port 10499");
  EXPECT_THAT(charon->heard(), testing::AnyOf(IsEmpty(), ElementsAre("in 3221225473 soft")));
}

}  // namespace
}  // namespace farspan::dataplane
