// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/esp.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "farspan/crypto/test_bytes.h"
#include "farspan/dataplane/ipsec/test_sas.h"

namespace farspan::ipsec {
namespace {

using crypto::Suite;
using dataplane::DropReason;

constexpr Suite kGcm = {crypto::Cipher::kAesGcm256, crypto::Integrity::kAead};
constexpr Suite kCbc = {crypto::Cipher::kAesCbc256, crypto::Integrity::kHmacSha256_128};

class Esp : public testing::Test {
 protected:
  Esp() : worker_(*EspWorker::create({&Esp::remember, this})) {}

  std::unique_ptr<SaPair> pair(Suite suite, bool has_esn = true, SaLimits limits = {}) {
    SaDescription description = any_sa(random_, suite, false, 0x1000 + pairs_++);
    description.has_esn = has_esn;
    description.limits = limits;
    return std::make_unique<SaPair>(*context_, *arena_, description);
  }

  /// The ESP packet of `inner`, checked to be of the promised length.
  std::vector<uint8_t> sealed(OutboundSa& sa, const std::vector<uint8_t>& inner,
                              uint8_t next_header = 4) {
    std::vector<uint8_t> esp(sa.sealed_length(static_cast<uint32_t>(inner.size())));
    if (!inner.empty()) std::memcpy(esp.data() + sa.prefix_length(), inner.data(), inner.size());
    SealSlot slot{&sa, esp.data(), static_cast<uint32_t>(inner.size()), next_header, 0, {}};
    worker_->seal({&slot, 1});
    EXPECT_FALSE(slot.drop);
    EXPECT_EQ(slot.esp_length, esp.size());
    return esp;
  }
  OpenSlot opened(InboundSa& sa, std::vector<uint8_t>& esp, Endpoint source = {}) {
    OpenSlot slot{&sa, esp.data(), static_cast<uint32_t>(esp.size()), source, nullptr, 0, 0, {}};
    worker_->open({&slot, 1});
    return slot;
  }
  std::vector<uint8_t> noise(size_t length) {
    std::vector<uint8_t> bytes(length);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_());
    return bytes;
  }
  static bool remember(void* self, const SaEvent& event) {
    static_cast<Esp*>(self)->events_.push_back(event);
    return !static_cast<Esp*>(self)->is_sink_full_;
  }

  std::mt19937 random_{4303};
  TemporaryFile file_;
  std::unique_ptr<SequenceArena> arena_ = *SequenceArena::open(file_.path(), 256);
  std::unique_ptr<crypto::Context> context_ = *crypto::Context::create();
  std::vector<SaEvent> events_;
  bool is_sink_full_ = false;
  std::unique_ptr<EspWorker> worker_;
  uint32_t pairs_ = 0;
};

// "Test Case 3" of draft-mcgrew-gcm-test-01 §4: a whole ESP packet of RFC 4106 with ESN.
TEST_F(Esp, OpensThePublishedPacketOfAesGcmInEsp) {
  SaDescription description;
  description.is_inbound = true;
  description.spi = 0x4321;
  description.suite = {crypto::Cipher::kAesGcm128, crypto::Integrity::kAead};
  const auto key = crypto::from_hex("4c80cdefbb5d10da906ac73c3613a6342e443b68");
  std::copy(key.begin(), key.end(), description.encryption_key.bytes.begin());
  description.encryption_key.length = 20;
  description.has_esn = true;
  description.path = {{1, 0}, {2, 0}, false};
  SequenceArena::Slot& slot = **arena_->claim(true, 0x4321, {});
  InboundSa sa(*context_, description, SlotClaim(*arena_, &slot));
  // The number is 0x87654321'00000000; only its lower half travels, so the window must have got
  // close.
  ASSERT_EQ(arena_->window(slot).accept(0x87654320'ffffffff), ReplayVerdict::kFresh);

  std::vector<uint8_t> esp = crypto::from_hex(
      "00004321000000004956ed7e3b244cfe"
      "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a1"
      "3c5d"
      "15b21e1884f5ff6247aeabb786b93bce61bc17d768fd973245901814"
      "8f6cbe722fd04796562dfdb4");
  const OpenSlot open = opened(sa, esp);
  ASSERT_FALSE(open.drop);
  EXPECT_EQ(sa.newest(), 0x87654321'00000000u);
  EXPECT_EQ(open.next_header, 1);
  EXPECT_EQ(
      crypto::to_hex(std::span(open.inner, open.inner_length)),
      "45000048699a000080114db7c0a80102c0a801010a9bf1563"
      "8d301000001000000000000045f736970045f756470037369700963796265726369747902646b0000210001");
}

// RFC 7634 appendix A.1.
TEST_F(Esp, OpensThePublishedPacketOfChaCha20Poly1305InEsp) {
  SaDescription description = any_sa(
      random_, {crypto::Cipher::kChaCha20Poly1305, crypto::Integrity::kAead}, true, 0x01020304);
  for (unsigned i = 0; i < 36; ++i)
    description.encryption_key.bytes[i] = static_cast<uint8_t>(0x80 + i);
  InboundSa sa(*context_, description, SlotClaim(*arena_, *arena_->claim(true, 1, {})));
  std::vector<uint8_t> esp = crypto::from_hex(
      "01020304000000051011121314151617"
      "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb"
      "61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da"
      "9165b82829f641e076aaa8266b7fb0f7b11b369907e1ad43");
  const OpenSlot open = opened(sa, esp);
  ASSERT_FALSE(open.drop);
  EXPECT_EQ(open.next_header, 4);
  EXPECT_EQ(crypto::to_hex(std::span(open.inner, 4)), "45000054");
  EXPECT_EQ(open.inner_length, 84u);
}

TEST_F(Esp, WhatIsSealedOpensForEverySuiteSizeAndMixOfABatch) {
  std::vector<std::unique_ptr<SaPair>> pairs;
  for (const Suite suite : kAllSuites) {
    for (const bool has_esn : {false, true}) pairs.push_back(pair(suite, has_esn));
  }
  for (size_t next_size = 0; next_size < 1600;) {
    std::vector<std::vector<uint8_t>> inner, esp, elsewhere(100);
    std::vector<SealSlot> seal;
    std::vector<OpenSlot> open;
    for (size_t i = 0; i < 100; ++i) {
      inner.push_back(noise(i % 40 == 0 ? 9000 + random_() % 50'000 : next_size++ % 1600));
      SaPair& sa = *pairs[random_() % pairs.size()];
      const auto length = static_cast<uint32_t>(inner[i].size());
      esp.emplace_back(sa.outbound.sealed_length(length));
      std::copy(inner[i].begin(), inner[i].end(), esp[i].begin() + sa.outbound.prefix_length());
      seal.push_back({&sa.outbound, esp[i].data(), length, uint8_t(i % 2 ? 4 : 137), 0, {}});
      if (i % 3 == 0 && sa.outbound.suite().is_aead()) {  // the inner packet stands elsewhere
        std::fill(esp[i].begin(), esp[i].end(), 0xEE);
        elsewhere[i] = inner[i];
        elsewhere[i].resize(length + SealSlot::kTailroom);
        seal.back().source = elsewhere[i].data();
      }
      open.push_back({&sa.inbound, esp[i].data(), 0, {}, nullptr, 0, 0, {}});
    }
    worker_->seal(seal);
    for (size_t i = 0; i < seal.size(); ++i) {
      ASSERT_FALSE(seal[i].drop);
      ASSERT_EQ(seal[i].esp_length, esp[i].size());
      open[i].esp_length = seal[i].esp_length;
    }
    worker_->open(open);
    for (size_t i = 0; i < open.size(); ++i) {
      ASSERT_FALSE(open[i].drop) << i;
      ASSERT_EQ(open[i].next_header, i % 2 ? 4 : 137);
      ASSERT_EQ(std::vector(open[i].inner, open[i].inner + open[i].inner_length), inner[i]);
    }
  }
}

#ifndef FARSPAN_DEBUG_CHECKS  // with them it ends here
TEST_F(Esp, ACallerThatIsWrongLosesItsPacketAndNoSequenceNumber) {
  const auto both = pair(kAllSuites[0]);
  SaPair& sa = *both;
  std::vector<uint8_t> inner(100 + SealSlot::kTailroom), esp(2 * sa.outbound.sealed_length(100));
  SealSlot slot{&sa.outbound, esp.data(), 100, 4, 0, {}};
  slot.source = inner.data();
  slot.count = 2;  // a run stands where it is sealed, never elsewhere
  worker_->seal({&slot, 1});
  EXPECT_EQ(slot.drop, DropReason::kBrokenInvariant);
  EXPECT_EQ(slot.sealed, 0u);
  EXPECT_EQ(sa.outbound.take_sequences(1).first, 1u);
}
#endif

TEST_F(Esp, ARunIsItsPacketsInOrder) {
  std::vector<std::unique_ptr<SaPair>> pairs;
  for (const Suite suite : kAllSuites) {
    for (const bool has_esn : {false, true}) pairs.push_back(pair(suite, has_esn));
  }
  for (int round = 0; round < 60; ++round) {
    std::vector<SaPair*> of_run;
    std::vector<std::vector<uint8_t>> inner, esp;
    std::vector<SealSlot> seal;
    for (int i = 0; i < 5; ++i) {  // with CBC, more packets than one batch of the library takes
      SaPair& sa = *of_run.emplace_back(pairs[random_() % pairs.size()].get());
      const auto length = static_cast<uint32_t>(random_() % 200);
      const auto count = static_cast<uint32_t>(1 + random_() % 100);
      const uint32_t stride = sa.outbound.sealed_length(length);
      inner.push_back(noise(size_t{length} * count));
      esp.emplace_back(size_t{stride} * count);
      for (uint32_t k = 0; k < count && length > 0; ++k) {
        std::memcpy(&esp.back()[k * stride + sa.outbound.prefix_length()],
                    &inner.back()[k * length], length);
      }
      seal.push_back({&sa.outbound, esp.back().data(), length, 4, 0, {}, count});
    }
    worker_->seal(seal);
    for (size_t i = 0; i < seal.size(); ++i) {
      const uint32_t length = seal[i].inner_length;
      ASSERT_EQ(seal[i].sealed, seal[i].count);
      ASSERT_EQ(size_t{seal[i].esp_length} * seal[i].count, esp[i].size());
      for (uint32_t k = 0; k < seal[i].count; ++k) {
        uint8_t* const packet = esp[i].data() + k * seal[i].esp_length;
        ASSERT_EQ(packet[7], static_cast<uint8_t>(of_run[i]->inbound.newest() + 1));
        OpenSlot slot{&of_run[i]->inbound, packet, seal[i].esp_length, {}, nullptr, 0, 0, {}};
        worker_->open({&slot, 1});
        ASSERT_FALSE(slot.drop);
        ASSERT_EQ(std::vector(slot.inner, slot.inner + slot.inner_length),
                  std::vector(inner[i].begin() + k * length, inner[i].begin() + (k + 1) * length));
      }
    }
  }
}

TEST_F(Esp, ARunEndsWhereTheSaDoes) {
  const auto run_of = [&](OutboundSa& sa, uint32_t count) {
    std::vector<uint8_t> esp(size_t{sa.sealed_length(50)} * count, 0xEE);
    SealSlot slot{&sa, esp.data(), 50, 4, 0, {}, count};
    worker_->seal({&slot, 1});
    for (size_t at = size_t{slot.sealed} * slot.esp_length; at < esp.size(); ++at)
      EXPECT_EQ(esp[at], 0xEE) << "written behind the last packet, at " << at;
    return slot;
  };
  for (const Suite suite : {kGcm, kCbc}) {
    SaDescription description = any_sa(random_, suite, false, 0x9000 + pairs_++);
    description.has_esn = false;
    SequenceArena::Slot& sending = **arena_->claim(false, description.spi, {});
    SequenceArena::sent(sending) = 0xFFFFFFFF - 3;
    OutboundSa ending(*context_, description, SlotClaim(*arena_, &sending));
    const SealSlot last = run_of(ending, 10);
    EXPECT_EQ(last.sealed, 3u);
    EXPECT_EQ(last.drop, DropReason::kSequenceExhausted);
    EXPECT_EQ(events_.back().kind, SaEvent::Kind::kHardLimit);  // at once, with the last of them
    EXPECT_EQ(events_.back().spi, description.spi);
    EXPECT_EQ(run_of(ending, 10).sealed, 0u);

    const auto by_packets = pair(suite, true, {.hard_packets = 4});
    const SealSlot four = run_of(by_packets->outbound, 10);
    EXPECT_EQ(four.sealed, 4u);
    EXPECT_EQ(four.drop, DropReason::kSaExpired);
    EXPECT_EQ(by_packets->outbound.last_taken(), 4u);
    EXPECT_EQ(events_.back().kind, SaEvent::Kind::kHardLimit);

    const auto by_bytes = pair(suite, true, {.hard_bytes = 101});  // reached by the third packet
    EXPECT_EQ(run_of(by_bytes->outbound, 10).sealed, 3u);
    EXPECT_EQ(by_bytes->outbound.usage.bytes(), 150u);
  }
}

TEST_F(Esp, AnyFlippedBitIsABadIcvAndDoesNotMoveTheWindow) {
  for (const Suite suite : {kGcm, kCbc}) {
    const auto sa = pair(suite);
    const std::vector<uint8_t> esp = sealed(sa->outbound, noise(100));
    for (size_t at = 8; at < esp.size();
         ++at) {  // SPI and sequence number choose the SA and the replay verdict
      std::vector<uint8_t> forged = esp;
      forged[at] ^= 0x40;
      ASSERT_EQ(opened(sa->inbound, forged).drop, DropReason::kBadIcv) << at;
    }
    for (const size_t at : {0u, 3u, 7u}) {
      std::vector<uint8_t> forged = esp;
      forged[at] ^= 0x40;
      ASSERT_EQ(opened(sa->inbound, forged).drop, DropReason::kBadIcv) << at;
    }
    EXPECT_EQ(sa->inbound.newest(), 0u);
    EXPECT_EQ(sa->inbound.usage.packets(), 0u);
    std::vector<uint8_t> honest = esp;
    EXPECT_FALSE(opened(sa->inbound, honest).drop);
  }
}

TEST_F(Esp, EveryWrongLengthIsMalformedOrBadIcv) {
  for (const Suite suite : kAllSuites) {
    const auto sa = pair(suite);
    const std::vector<uint8_t> esp = sealed(sa->outbound, noise(60));
    for (size_t length = 0; length < esp.size(); ++length) {
      std::vector<uint8_t> cut(esp.begin(), esp.begin() + static_cast<ptrdiff_t>(length));
      const uint32_t around = 8 + suite.iv_length() + suite.icv_length();
      const bool is_possible = length > around && (length - around) % suite.block_length() == 0;
      ASSERT_EQ(opened(sa->inbound, cut).drop,
                is_possible ? DropReason::kBadIcv : DropReason::kMalformedEsp);
    }
  }
}

TEST_F(Esp, TheSamePacketTwiceIsReplayedEvenInOneBatch) {  // RFC 4303 §3.4.3
  for (const Suite suite : {kGcm, kCbc}) {
    const auto sa = pair(suite);
    std::vector<uint8_t> esp = sealed(sa->outbound, noise(64)), copy = esp, later = esp;
    OpenSlot slots[2] = {{&sa->inbound, esp.data(), uint32_t(esp.size()), {}, nullptr, 0, 0, {}},
                         {&sa->inbound, copy.data(), uint32_t(copy.size()), {}, nullptr, 0, 0, {}}};
    worker_->open(slots);
    EXPECT_FALSE(slots[0].drop);
    EXPECT_EQ(slots[1].drop, DropReason::kReplayed);
    EXPECT_EQ(opened(sa->inbound, later).drop, DropReason::kReplayed);
    EXPECT_EQ(sa->inbound.usage.packets(), 1u);
  }
}

TEST_F(Esp, NumberZeroAndNumbersLeftOfTheWindowAreRefused) {
  const auto sa = pair(kGcm, false);
  const std::vector<uint8_t> first = sealed(sa->outbound, noise(20));
  for (int i = 0; i < 1025; ++i) {
    std::vector<uint8_t> esp = sealed(sa->outbound, noise(20));
    ASSERT_FALSE(opened(sa->inbound, esp).drop);
  }
  std::vector<uint8_t> old = first, zero = first;
  std::memset(zero.data() + 4, 0, 4);
  EXPECT_EQ(opened(sa->inbound, old).drop, DropReason::kReplayTooOld);
  EXPECT_EQ(opened(sa->inbound, zero).drop, DropReason::kReplayZero);
}

TEST_F(Esp, ExtendedNumbersCrossTwoToThe32) {
  for (const Suite suite : {kGcm, kCbc}) {
    SaDescription description = any_sa(random_, suite, false, 0x9000 + pairs_++);
    description.has_esn = true;
    SequenceArena::Slot& sending = **arena_->claim(false, description.spi, {});
    SequenceArena::Slot& receiving = **arena_->claim(true, description.spi, {});
    SequenceArena::sent(sending) = 0xFFFFFFFF - 100;
    (void)arena_->window(receiving).accept(0xFFFFFFFF - 100);
    OutboundSa outbound(*context_, description, SlotClaim(*arena_, &sending));
    description.is_inbound = true;
    InboundSa inbound(*context_, description, SlotClaim(*arena_, &receiving));
    for (int i = 0; i < 200; ++i) {
      std::vector<uint8_t> esp = sealed(outbound, noise(50));
      ASSERT_FALSE(opened(inbound, esp).drop) << i;
    }
    EXPECT_EQ(inbound.newest(), uint64_t{0xFFFFFFFF} - 100 + 200);
  }
}

TEST_F(Esp, WithoutEsnTheLastNumberIsTwoToThe32Minus1) {  // RFC 4303 §3.3.3
  SaDescription description = any_sa(random_, kGcm, false, 0x9999);
  SequenceArena::Slot& sending = **arena_->claim(false, description.spi, {});
  SequenceArena::sent(sending) = 0xFFFFFFFE;
  OutboundSa outbound(*context_, description, SlotClaim(*arena_, &sending));
  EXPECT_EQ(sealed(outbound, noise(50))[7], 0xFF);
  std::vector<uint8_t> esp(200);
  SealSlot slot{&outbound, esp.data(), 50, 4, 0, {}};
  worker_->seal({&slot, 1});
  EXPECT_EQ(slot.drop, DropReason::kSequenceExhausted);
  EXPECT_EQ(slot.esp_length, 0u);
}

// What an earlier process sent counts, and what charon asks for may only be sooner (RFC 4303
// §3.3.3: a new SA before the counter cycles).
TEST_F(Esp, ARekeyIsAskedForWhenAnEighthOfTheNumbersIsLeft) {
  SaDescription description = any_sa(random_, kGcm, false, 0x9998);
  SequenceArena::Slot& sending = **arena_->claim(false, description.spi, {});
  SequenceArena::sent(sending) = 0xE0000000 - 9;
  OutboundSa outbound(*context_, description, SlotClaim(*arena_, &sending));
  (void)sealed(outbound, noise(50));
  EXPECT_TRUE(events_.empty());
  (void)sealed(outbound, noise(50));
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].kind, SaEvent::Kind::kSoftLimit);
  (void)sealed(outbound, noise(50));
  EXPECT_EQ(events_.size(), 1u);
}

// Seals a text whose trailer is as the attacker (or a faulty peer with the right keys) wants it.
TEST_F(Esp, AuthenticPacketsWithWrongPaddingAreDropped) {
  const auto sa = pair(kGcm, false);
  SaDescription again = any_sa(random_, kGcm, false, 1);
  const auto attempt = [&](std::vector<uint8_t> text) {
    SaDescription description = again;
    description.spi = 0x7000 + pairs_++;
    SaPair ends(*context_, *arena_, description);
    const crypto::Keys& keys = ends.outbound.keys();
    std::vector<uint8_t> esp(16 + text.size() + 16);
    esp[2] = static_cast<uint8_t>(description.spi >> 8);
    esp[3] = static_cast<uint8_t>(description.spi);
    esp[7] = esp[15] = 1;
    std::copy(text.begin(), text.end(), esp.begin() + 16);
    context_->aead_seal(keys, esp.data() + 8, {esp.data(), 8}, {esp.data() + 16, text.size()},
                        esp.data() + 16 + text.size());
    return opened(ends.inbound, esp);
  };
  EXPECT_FALSE(attempt({0x45, 0, 0, 0, 1, 2, 2, 4}).drop);
  EXPECT_EQ(attempt({0x45, 0, 0, 0, 1, 3, 2, 4}).drop, DropReason::kBadPadding);  // not 1, 2
  EXPECT_EQ(attempt({0x45, 0, 0, 0, 1, 2, 7, 4}).drop,
            DropReason::kBadPadding);  // more than there is
  EXPECT_EQ(attempt({0x45, 0, 0, 0, 1, 2, 255, 4}).drop, DropReason::kBadPadding);
  const OpenSlot whole = attempt({1, 2, 3, 4, 5, 6, 6, 4});  // nothing but padding
  EXPECT_FALSE(whole.drop);
  EXPECT_EQ(whole.inner_length, 0u);
  EXPECT_EQ(attempt({0x45, 0, 0, 0, 1, 2, 2, 59}).drop, DropReason::kDummy);  // RFC 4303 §2.6
}

TEST_F(Esp, LimitsAreToldOnceAndTheHardOneEndsTheSa) {
  const auto sa =
      pair(kCbc, true, {.soft_bytes = 250, .hard_bytes = 0, .soft_packets = 0, .hard_packets = 4});
  std::vector<std::vector<uint8_t>> packets;
  for (int i = 0; i < 4; ++i) packets.push_back(sealed(sa->outbound, noise(100)));
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(events_[0].kind, SaEvent::Kind::kSoftLimit);
  EXPECT_EQ(events_[1].kind, SaEvent::Kind::kHardLimit);
  EXPECT_EQ(events_[1].spi, sa->outbound.spi());
  EXPECT_FALSE(events_[1].is_inbound);

  std::vector<uint8_t> esp(300);
  SealSlot refused{&sa->outbound, esp.data(), 100, 4, 0, {}};
  worker_->seal({&refused, 1});
  EXPECT_EQ(refused.drop, DropReason::kSaExpired);

  is_sink_full_ = true;
  for (std::vector<uint8_t>& packet : packets) (void)opened(sa->inbound, packet);
  is_sink_full_ = false;
  EXPECT_EQ(sa->inbound.reported,
            SaUsage::Reached::kNothing);  // a full ring is no reason to forget
  EXPECT_EQ(opened(sa->inbound, packets[0]).drop, DropReason::kSaExpired);
}

TEST_F(Esp, APeerThatMovesWithEveryPacketIsToldOnceASecond) {
  const auto sa = pair(kGcm);
  const auto receive_from = [&](uint16_t port) {
    std::vector<uint8_t> esp = sealed(sa->outbound, noise(40));
    (void)opened(sa->inbound, esp, {sa->inbound.path().remote.address, port});
  };
  worker_->set_now(10);
  for (uint16_t i = 0; i < 1000; ++i) receive_from(static_cast<uint16_t>(20'000 + i % 2));
  EXPECT_EQ(events_.size(), 1u);
  EXPECT_EQ(sa->inbound.moved_to.load().port, 20'001);  // the newest, for who asks later
  worker_->set_now(11);
  receive_from(20'001);
  receive_from(20'002);
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(events_[1].remote.port, 20'001);
}

TEST_F(Esp, OnlyTheNewestAuthenticPacketTellsThatThePeerMoved) {
  const auto sa = pair(kGcm);
  const Endpoint old = sa->inbound.path().remote, moved{old.address, 61001};
  std::vector<uint8_t> first = sealed(sa->outbound, noise(40)),
                       second = sealed(sa->outbound, noise(40)),
                       third = sealed(sa->outbound, noise(40)), forged = third;
  forged.back() ^= 1;
  (void)opened(sa->inbound, second, old);
  (void)opened(sa->inbound, forged, moved);
  (void)opened(sa->inbound, first, moved);  // a straggler
  EXPECT_TRUE(events_.empty());
  (void)opened(sa->inbound, third, moved);
  ASSERT_EQ(events_.size(), 1u);
  EXPECT_EQ(events_[0].kind, SaEvent::Kind::kMappingChanged);
  EXPECT_EQ(events_[0].remote, moved);
  std::vector<uint8_t> fourth = sealed(sa->outbound, noise(40)),
                       fifth = sealed(sa->outbound, noise(40));
  (void)opened(sa->inbound, fourth, moved);  // charon is thinking
  EXPECT_EQ(events_.size(), 1u);
  sa->inbound.move_path({sa->inbound.path().local, moved, true});
  (void)opened(sa->inbound, fifth, moved);
  EXPECT_EQ(events_.size(), 1u);
}

TEST_F(Esp, UsageIsCountedWithItsTime) {
  const auto sa = pair(kCbc);
  worker_->set_now(77);
  std::vector<uint8_t> esp = sealed(sa->outbound, noise(123));
  (void)opened(sa->inbound, esp);
  for (const SaUsage* usage : {&sa->outbound.usage, &sa->inbound.usage}) {
    EXPECT_EQ(usage->bytes(), 123u);
    EXPECT_EQ(usage->packets(), 1u);
    EXPECT_EQ(usage->last_use_seconds(), 77u);
  }
}

TEST_F(Esp, MaxInnerLengthIsTheLargestThatFits) {
  for (const Suite suite : kAllSuites) {
    const auto sa = pair(suite);
    for (const bool is_udp : {false, true}) {
      for (uint32_t mtu = 0; mtu < 1600; ++mtu) {
        const uint32_t outer = 20 + (is_udp ? 8 : 0),
                       largest = sa->outbound.max_inner_length(mtu, is_udp);
        if (largest > 0) {
          ASSERT_LE(outer + sa->outbound.sealed_length(largest), mtu);
        }
        ASSERT_GT(outer + sa->outbound.sealed_length(largest + 1), mtu);
      }
    }
  }
}

}  // namespace
}  // namespace farspan::ipsec
