// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/sad_session.h"

#include <gtest/gtest.h>

#include <cstring>

#include "farspan/dataplane/ipsec/test_messages.h"
#include "farspan/dataplane/ipsec/test_sas.h"

namespace farspan::ipsec {
namespace {

constexpr uint64_t kNow = 500;

class SadSessionTest : public testing::Test {
 protected:
  SadSession::Answer send(const std::string& message) {
    return session_.receive({reinterpret_cast<const uint8_t*>(message.data()), message.size()},
                            kNow);
  }
  fs_sad_reply reply_to(const std::string& message) {
    const SadSession::Answer answer = send(message);
    fs_sad_header header{};
    fs_sad_reply reply{};
    EXPECT_EQ(answer.reply.size(), sizeof header + sizeof reply);
    if (answer.reply.size() != sizeof header + sizeof reply) return reply;
    std::memcpy(&header, answer.reply.data(), sizeof header);
    std::memcpy(&reply, answer.reply.data() + sizeof header, sizeof reply);
    EXPECT_EQ(header.type, FS_SAD_REPLY);
    EXPECT_EQ(header.length, answer.reply.size());
    EXPECT_EQ(header.serial, 99u);
    return reply;
  }
  uint32_t status(const std::string& message) { return reply_to(message).status; }
  void greet() {
    ASSERT_EQ(status(request(FS_SAD_HELLO, fs_sad_hello{FS_SAD_VERSION, 1234})), FS_SAD_OK);
    ASSERT_EQ(status(request(FS_SAD_SYNCED)), FS_SAD_OK);
  }

  TemporaryFile file_;
  std::unique_ptr<crypto::Context> context_ = *crypto::Context::create();
  std::unique_ptr<SequenceArena> arena_ = *SequenceArena::open(file_.path(), 64);
  Sad sad_{*arena_, *context_};
  SadSession session_{sad_};
};

TEST_F(SadSessionTest, NothingIsDoneBeforeAHelloOfTheSameVersion) {
  EXPECT_EQ(status(request(FS_SAD_GET_SPI)), FS_SAD_MALFORMED);
  EXPECT_EQ(status(request(FS_SAD_HELLO, fs_sad_hello{FS_SAD_VERSION + 1, 1})), FS_SAD_UNSUPPORTED);
  EXPECT_EQ(status(request(FS_SAD_GET_SPI)), FS_SAD_MALFORMED);
  greet();
  EXPECT_EQ(status(request(FS_SAD_GET_SPI)), FS_SAD_OK);
}

TEST_F(SadSessionTest, TheReplayWindowIsAsLargeAsCharonSays) {
  greet();
  uint32_t spi = 0x2000;
  for (const auto& [asked, given] :
       {std::pair{64u, 64u}, {128u, 128u}, {4096u, 4096u}, {1u << 20, 4096u}, {1u, 64u}}) {
    fs_sad_sa sa = gcm_sa(true, ++spi);
    sa.has_esn = 0;
    sa.replay_window = asked;
    ASSERT_EQ(status(request(FS_SAD_ADD_SA, sa, any_address(), any_address())), FS_SAD_OK);
    InboundSa& inbound = *sad_.view().inbound(spi);
    ASSERT_EQ(inbound.accept(10'000), ReplayVerdict::kFresh);
    EXPECT_EQ(inbound.identify(10'001 - given).verdict, ReplayVerdict::kFresh) << asked;
    EXPECT_EQ(inbound.identify(10'000 - given).verdict, ReplayVerdict::kTooOld) << asked;
  }
}

TEST_F(SadSessionTest, EverySuiteOfIanaNumbersIsTakenAndNullIsNot) {
  greet();
  struct Case {
    uint16_t encryption, key, integrity, hash_key;
    uint32_t answer;
  };
  uint32_t spi = 0x1000;
  for (const Case& each : {Case{28, 36, 0, 0, FS_SAD_OK},
                           {20, 28, 1024, 0, FS_SAD_OK},
                           {12, 24, 14, 64, FS_SAD_OK},
                           {3, 24, 2, 20, FS_SAD_OK},
                           {2, 8, 1, 16, FS_SAD_OK},
                           {11, 0, 2, 20, FS_SAD_UNSUPPORTED},
                           {11, 0, 12, 32, FS_SAD_UNSUPPORTED},
                           {3, 24, 0, 0, FS_SAD_UNSUPPORTED}}) {
    fs_sad_sa sa = gcm_sa(false, ++spi);
    sa.encryption = each.encryption;
    sa.encryption_key_length = each.key;
    sa.integrity = each.integrity;
    sa.integrity_key_length = each.hash_key;
    EXPECT_EQ(status(request(FS_SAD_ADD_SA, sa, any_address(), any_address())), each.answer)
        << each.encryption << "/" << each.integrity;
  }
}

TEST_F(SadSessionTest, OneTunnelFromSpiToDeletion) {
  greet();
  const uint32_t spi = wire(reply_to(request(FS_SAD_GET_SPI)).spi);
  fs_sad_sa in = gcm_sa(true, spi), out = gcm_sa(false, 0x1000);
  in.is_update = 1;
  EXPECT_EQ(status(request(FS_SAD_ADD_SA, in, any_address(), any_address())), FS_SAD_OK);
  EXPECT_EQ(status(request(FS_SAD_ADD_SA, out, any_address(), any_address())), FS_SAD_OK);
  EXPECT_EQ(status(request(FS_SAD_ADD_POLICY, out_policy(0x1000))), FS_SAD_OK);

  const SadView& view = sad_.view();
  InboundSa* inbound = view.inbound(spi);
  ASSERT_NE(inbound, nullptr);
  EXPECT_EQ(inbound->path(), (OuterPath{{0xC0000201, 4500}, {0xC0000202, 4500}, true}));
  OutboundSa* outbound = view.select(7, {1, 2, 3, 4, 6}).sa;
  ASSERT_NE(outbound, nullptr);
  EXPECT_EQ(outbound->path(), inbound->path());
  EXPECT_TRUE(outbound->has_esn());
  EXPECT_TRUE(outbound->copying().dscp_outward);

  outbound->usage.add(1400, 1, 444);
  const fs_sad_reply use = reply_to(request(FS_SAD_QUERY_SA, out.id));
  EXPECT_EQ(use.bytes, 1400u);
  EXPECT_EQ(use.packets, 1u);
  EXPECT_EQ(use.last_use_seconds, 444u);
  EXPECT_EQ(reply_to(request(FS_SAD_QUERY_POLICY, out_policy(0x1000))).last_use_seconds, 444u);

  fs_sad_update update{out.id, host(1, 4500), host(9, 61001), 1, {}};
  EXPECT_EQ(status(request(FS_SAD_UPDATE_SA, update)), FS_SAD_OK);
  EXPECT_EQ(outbound->path().remote, (Endpoint{0xC0000209, 61001}));

  EXPECT_EQ(status(request(FS_SAD_DELETE_POLICY, out_policy(0x1000))), FS_SAD_OK);
  EXPECT_EQ(status(request(FS_SAD_DELETE_SA, out.id)), FS_SAD_OK);
  EXPECT_EQ(status(request(FS_SAD_DELETE_SA, out.id)), FS_SAD_NOT_FOUND);
  EXPECT_EQ(status(request(FS_SAD_DELETE_SA, in.id)), FS_SAD_OK);
}

TEST_F(SadSessionTest, WhatTheDataPlaneCannotDoIsUnsupported) {
  greet();
  const auto refused = [&](auto change) {
    fs_sad_sa sa = gcm_sa(false, 0x1000);
    change(sa);
    return status(request(FS_SAD_ADD_SA, sa, any_address(), any_address()));
  };
  EXPECT_EQ(refused([](fs_sad_sa& sa) { sa.mode = 1; }), FS_SAD_UNSUPPORTED);
  EXPECT_EQ(refused([](fs_sad_sa& sa) { sa.encryption = 3; }), FS_SAD_UNSUPPORTED);
  EXPECT_EQ(refused([](fs_sad_sa& sa) { sa.encryption_key_length = 24; }), FS_SAD_UNSUPPORTED);
  EXPECT_EQ(refused([](fs_sad_sa& sa) { sa.id.protocol = 51; }), FS_SAD_UNSUPPORTED);
  EXPECT_EQ(refused([](fs_sad_sa& sa) { sa.id.source.family = AF_INET6; }), FS_SAD_UNSUPPORTED);
  EXPECT_EQ(refused([](fs_sad_sa&) {}), FS_SAD_OK);
}

TEST_F(SadSessionTest, ContradictionsAreMalformedAndChangeNothing) {
  greet();
  const auto refused = [&](auto change) {
    fs_sad_sa sa = gcm_sa(false, 0x1000);
    fs_selector selector = any_address();
    change(sa, selector);
    return status(request(FS_SAD_ADD_SA, sa, selector, any_address()));
  };
  EXPECT_EQ(refused([](fs_sad_sa& sa, fs_selector&) { sa.encryption_key_length = 65; }),
            FS_SAD_MALFORMED);
  EXPECT_EQ(refused([](fs_sad_sa& sa, fs_selector&) { sa.integrity_key_length = 60000; }),
            FS_SAD_MALFORMED);
  EXPECT_EQ(refused([](fs_sad_sa& sa, fs_selector&) { sa.source_selectors = 65; }),
            FS_SAD_MALFORMED);
  EXPECT_EQ(refused([](fs_sad_sa& sa, fs_selector&) { sa.source_selectors = 2; }),
            FS_SAD_MALFORMED);
  EXPECT_EQ(refused([](fs_sad_sa& sa, fs_selector&) { sa.destination_selectors = 0; }),
            FS_SAD_UNSUPPORTED);
  EXPECT_EQ(refused([](fs_sad_sa& sa, fs_selector&) { sa.id.spi = wire(255); }), FS_SAD_MALFORMED);
  EXPECT_EQ(refused([](fs_sad_sa& sa, fs_selector&) { sa.id.is_inbound = 2; }), FS_SAD_MALFORMED);
  EXPECT_EQ(refused([](fs_sad_sa& sa, fs_selector&) { sa.id.source.port = 0; }), FS_SAD_MALFORMED);
  EXPECT_EQ(refused([](fs_sad_sa& sa, fs_selector&) { sa.id.source.family = 77; }),
            FS_SAD_MALFORMED);
  EXPECT_EQ(refused([](fs_sad_sa&, fs_selector& selector) {
              selector.port_low = 9;
              selector.port_high = 8;
            }),
            FS_SAD_MALFORMED);
  EXPECT_EQ(refused([](fs_sad_sa&, fs_selector& selector) {
              selector.address_low[0] = 2;
              selector.address_high[0] = 1;
            }),
            FS_SAD_MALFORMED);
  EXPECT_TRUE(sad_.rows().empty());
  EXPECT_EQ(arena_->used_slots(), 0u);
}

TEST_F(SadSessionTest, EveryTruncatedOrLengthenedMessageIsMalformed) {
  greet();
  const std::string whole[] = {
      request(FS_SAD_ADD_SA, gcm_sa(false, 0x1000), any_address(), any_address()),
      request(FS_SAD_ADD_POLICY, out_policy(0x1000)), request(FS_SAD_UPDATE_SA, fs_sad_update{}),
      request(FS_SAD_QUERY_SA, gcm_sa(false, 0x1000).id),
      request(FS_SAD_HELLO, fs_sad_hello{FS_SAD_VERSION, 5})};
  for (const std::string& message : whole) {
    for (size_t length = 0; length < message.size(); ++length) {
      std::string cut = message.substr(0, length);
      const SadSession::Answer answer = send(cut);
      if (length < sizeof(fs_sad_header)) {
        EXPECT_TRUE(answer.reply.empty());
        continue;
      }
      EXPECT_EQ(status(cut), FS_SAD_MALFORMED);  // says one length, has another
      const auto honest = static_cast<uint16_t>(length);
      std::memcpy(cut.data() + offsetof(fs_sad_header, length), &honest, sizeof honest);
      EXPECT_EQ(status(cut), FS_SAD_MALFORMED);
    }
    std::string longer = message + "x";
    const auto honest = static_cast<uint16_t>(longer.size());
    std::memcpy(longer.data() + offsetof(fs_sad_header, length), &honest, sizeof honest);
    EXPECT_EQ(status(longer), FS_SAD_MALFORMED);
  }
  EXPECT_TRUE(sad_.rows().empty());
}

TEST_F(SadSessionTest, AHeaderThatContradictsTheMessageIsMalformed) {
  greet();
  std::string message = request(FS_SAD_GET_SPI);
  message[offsetof(fs_sad_header, length)] = 9;
  EXPECT_EQ(status(message), FS_SAD_MALFORMED);
}

TEST_F(SadSessionTest, RandomBytesNeverDoHarm) {
  greet();
  std::mt19937 random(7);
  const std::string seed =
      request(FS_SAD_ADD_SA, gcm_sa(true, 0xc0000001), any_address(), any_address());
  for (int i = 0; i < 100'000; ++i) {
    std::string message = seed;
    for (uint32_t flips = 1 + random() % 8; flips > 0; --flips) {
      message[random() % message.size()] = static_cast<char>(random());
    }
    message[2] = seed[2];  // keeps the length right more often than chance would
    message[3] = seed[3];
    message[0] = static_cast<char>(random() % 14);
    message[1] = 0;
    (void)send(message);
    ASSERT_LE(sad_.rows().size(), 64u);
  }
}

TEST_F(SadSessionTest, EventsSayWhichSaAndWhere) {
  SaEvent event{};
  event.kind = SaEvent::Kind::kMappingChanged;
  event.is_inbound = true;
  event.spi = 0xc0000001;
  event.tunnel = 7;
  event.path = {{0xC0000201, 4500}, {0xC0000202, 4500}, true};
  event.remote = {0xC0000202, 61001};
  const std::string message = SadSession::encode(event);
  ASSERT_EQ(message.size(), sizeof(fs_sad_header) + sizeof(fs_sad_event));
  fs_sad_header header{};
  fs_sad_event wire_event{};
  std::memcpy(&header, message.data(), sizeof header);
  std::memcpy(&wire_event, message.data() + sizeof header, sizeof wire_event);
  EXPECT_EQ(header.type, FS_SAD_MAPPING);
  EXPECT_EQ(header.serial, 0u);
  EXPECT_EQ(wire_event.id.spi, wire(0xc0000001));
  EXPECT_EQ(wire_event.id.source.address[3], 2);       // the peer
  EXPECT_EQ(wire_event.id.destination.address[3], 1);  // we
  EXPECT_EQ(wire_event.remote.port, 61001);

  event.kind = SaEvent::Kind::kAcquire;
  event.reqid = 31;
  event.flow = {0x0A0A0A05, 0xAC10010A, 40000, 80, 6};
  const std::string acquire = SadSession::encode(event);
  fs_sad_acquire wish{};
  ASSERT_EQ(acquire.size(), sizeof header + sizeof wish);
  std::memcpy(&wish, acquire.data() + sizeof header, sizeof wish);
  EXPECT_EQ(wish.reqid, 31u);
  EXPECT_EQ(wish.destination.address_low[0], 172);
  EXPECT_EQ(wish.destination.port_high, 80);
}

}  // namespace
}  // namespace farspan::ipsec
