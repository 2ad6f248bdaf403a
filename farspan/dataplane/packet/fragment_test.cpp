// SPDX-License-Identifier: Apache-2.0
// Fragmenting and reassembling, each alone and as each other's inverse.
#include "farspan/dataplane/packet/fragment.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "farspan/dataplane/packet/packet_fixture.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/dataplane/packet/reassemble.h"

namespace farspan::dataplane {
namespace {

using namespace fixture;
using net::Ipv4Header;

const Ipv4Header& ip_of(const Bytes& packet) { return net::header_at<Ipv4Header>(packet.data()); }

void lay(Bytes& bytes, SuperPacket& view) { ASSERT_EQ(parse(bytes, view), std::nullopt); }

std::vector<Bytes> fragments_of(Bytes packet, uint32_t mtu, uint16_t max_fragment = 0) {
  SuperPacket view;
  if (parse(packet, view)) return {};
  view.max_fragment = max_fragment;
  return written_by(Fragmenter(view, mtu));
}

PacketSpec without_df(size_t payload) {
  PacketSpec spec;
  spec.flags_offset = 0;
  spec.payload = Bytes(payload);
  for (size_t i = 0; i < payload; ++i) spec.payload[i] = static_cast<uint8_t>(i * 7);
  return spec;
}

TEST(Fragmenter, CutsAtMultiplesOfEight) {            // RFC 791 §2.3
  const Bytes packet = udp_packet(without_df(2000));  // 2008 bytes of data
  const auto fragments = fragments_of(packet, 1006);  // room for 986, so 984
  ASSERT_EQ(fragments.size(), 3u);
  EXPECT_EQ(fragments[0].size(), 1004u);
  EXPECT_EQ(fragments[1].size(), 1004u);
  EXPECT_EQ(fragments[2].size(), 60u);
  for (size_t i = 0; i < 3; ++i) {
    const Ipv4Header& ip = ip_of(fragments[i]);
    EXPECT_EQ(ip.fragment_offset_bytes(), 984 * i);
    EXPECT_EQ(ip.has_more_fragments(), i < 2);
    EXPECT_EQ(ip.id.value(), 77);
    EXPECT_EQ(ip.total_length.value(), fragments[i].size());
    EXPECT_EQ(word_sum(fragments[i].data(), 20), 0xffff);
  }
}

TEST(Fragmenter, TheLastMayFillTheMtuExactly) {
  const auto fragments = fragments_of(udp_packet(without_df(984 + 986 - 8)), 1006);
  ASSERT_EQ(fragments.size(), 2u);
  EXPECT_EQ(fragments[1].size(), 1006u);
}

TEST(Fragmenter, APacketThatFitsIsOneFragmentAndTheSame) {
  const Bytes packet = udp_packet(without_df(100));
  EXPECT_EQ(fragments_of(packet, 1500), std::vector<Bytes>{packet});
}

TEST(Fragmenter, OnlyCopiedOptionsStandInLaterFragments) {  // RFC 791 §3.1
  PacketSpec spec = without_df(1000);
  spec.ip_options = {7, 7, 4,   0, 0, 0,
                     0, 1, 148, 4, 0, 0};  // record route (not copied), router alert (copied)
  const auto fragments = fragments_of(udp_packet(spec), 500);
  ASSERT_EQ(fragments.size(), 3u);
  EXPECT_EQ(ip_of(fragments[0]).header_length(), 32);
  EXPECT_EQ(Bytes(fragments[0].begin() + 20, fragments[0].begin() + 32), spec.ip_options);
  for (size_t i : {1, 2}) {
    EXPECT_EQ(ip_of(fragments[i]).header_length(), 24);
    EXPECT_EQ(Bytes(fragments[i].begin() + 20, fragments[i].begin() + 24), (Bytes{148, 4, 0, 0}));
    EXPECT_EQ(word_sum(fragments[i].data(), 24), 0xffff);
  }
}

TEST(Fragmenter, IsNoLargerThanWhatCameIn) {
  const auto fragments = fragments_of(udp_packet(without_df(3000)), 1500, 580);
  ASSERT_EQ(fragments.size(), 6u);
  for (const Bytes& fragment : fragments) EXPECT_LE(fragment.size(), 580u);
}

TEST(Fragmenter, CompletesAPartialChecksumFirst) {
  Bytes packet = udp_packet(without_df(2000));
  const Bytes want = packet;
  net::store_be16(&packet[26], 0x1234);
  SuperPacket view;
  lay(packet, view);
  view.checksum = Checksum::kPartial;
  const auto fragments = written_by(Fragmenter(view, 1000));
  EXPECT_EQ(net::load_be16(&fragments[0][26]), net::load_be16(&want[26]));
}

TEST(Fragmenter, CutsAFragmentFurther) {
  const Bytes packet = udp_packet(without_df(3000));
  std::vector<Bytes> direct = fragments_of(packet, 516), twice;
  for (const Bytes& fragment : fragments_of(packet, 1508)) {
    for (Bytes& part : fragments_of(fragment, 516)) twice.push_back(std::move(part));
  }
  EXPECT_EQ(twice, direct);
}

TEST(Fit, JudgesByTheLongestWirePacket) {  // RFC 1191
  Bytes packet = tcp_packet({.payload = Bytes(1460)});
  SuperPacket view;
  lay(packet, view);
  EXPECT_EQ(fit(view, 1500), Fit::kFits);
  EXPECT_EQ(fit(view, 1499), Fit::kTooBig);
  view.segment_size = 1000;
  EXPECT_EQ(fit(view, 1040), Fit::kFits);
  EXPECT_EQ(fit(view, 1039), Fit::kTooBig);
  view.parsed.has_df = false;
  EXPECT_EQ(fit(view, 1039), Fit::kFragment);
}

TEST(Fit, DatagramsThatCameInFragmentsLeaveInFragments) {
  Bytes packet = udp_packet(without_df(1400));
  SuperPacket view;
  lay(packet, view);
  view.max_fragment = 700;
  EXPECT_EQ(fit(view, 1500), Fit::kFragment);
  view.parsed.has_df = true;
  EXPECT_EQ(fit(view, 1500), Fit::kFragment);
  EXPECT_EQ(fit(view, 700), Fit::kFragment);
  EXPECT_EQ(fit(view, 699), Fit::kTooBig);
}

// ---- reassembly

const Bytes kHead = {0, 1, 0, 2, 0, 16, 0, 0};  // a UDP header of a datagram with 8 bytes of data

class Reassembly : public testing::Test {
 protected:
  using Answer = Reassembler::Answer;
  Answer add(const Bytes& fragment, uint64_t ingress = 1, uint32_t vrf = 1) {
    Bytes copy = fragment;  // the reassembler must not need it afterwards
    SuperPacket view;
    EXPECT_EQ(parse(copy, view), std::nullopt);
    return reassembler_.add(view, vrf, ingress, now_, whole_);
  }
  Bytes fragment(uint16_t id, uint32_t offset, const Bytes& data, bool has_more,
                 uint32_t source = 0x0a010005) {
    PacketSpec spec;
    spec.id = id;
    spec.source = source;
    spec.flags_offset =
        static_cast<uint16_t>(offset / 8 | (has_more ? Ipv4Header::kMoreFragments : 0));
    return ip_packet(spec, 17, data);
  }

  io::BufferPool pool_{{.small = 1, .large = 9}};
  Reassembler reassembler_{{.datagrams = 8, .datagrams_per_ingress = 4}, pool_};
  Reassembler::Instant now_{std::chrono::hours(1)};
  SuperPacket whole_;
};

TEST_F(Reassembly, GivesBackTheDatagramInAnyOrder) {
  const Bytes packet = udp_packet(without_df(5000));
  auto fragments = fragments_of(packet, 1000);
  std::ranges::reverse(fragments);
  for (size_t i = 0; i + 1 < fragments.size(); ++i) {
    const Answer answer = add(fragments[i]);
    EXPECT_FALSE(answer.is_whole || answer.dropped || answer.evicted);
    EXPECT_EQ(reassembler_.held_wire_packets(), i + 1);
  }
  const Answer answer = add(fragments.back());
  ASSERT_TRUE(answer.is_whole);
  EXPECT_EQ(answer.wire_packets, fragments.size());
  EXPECT_EQ(bytes_of(whole_), packet);
  EXPECT_EQ(whole_.max_fragment, 996);
  EXPECT_EQ(whole_.parsed.source_port, 40000);
  EXPECT_FALSE(whole_.parsed.is_fragment);
  EXPECT_EQ(reassembler_.held_wire_packets(), 0u);
}

TEST_F(Reassembly, FragmentingAndReassemblingIsTheIdentity) {
  std::mt19937 random(6);
  for (int round = 0; round < 300; ++round) {
    PacketSpec spec;
    spec.flags_offset = 0;
    spec.id = static_cast<uint16_t>(random());
    spec.payload = random_bytes(random, 1 + random() % (round % 10 == 0 ? 65000 : 5000));
    if (random() % 3 == 0) spec.ip_options = {148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0};
    const Bytes packet = random() % 2 ? udp_packet(spec) : tcp_packet(spec);
    auto fragments = fragments_of(packet, static_cast<uint32_t>(100 + random() % 1500));
    if (fragments.size() < 2) continue;
    if (random() % 2)
      fragments.push_back(fragments[random() % fragments.size()]);  // a copy of the network
    std::ranges::shuffle(fragments, random);
    uint32_t whole = 0;
    for (const Bytes& fragment : fragments) {
      const Answer answer = add(fragment);
      ASSERT_FALSE(answer.dropped);
      if (answer.is_whole) {
        ++whole;
        ASSERT_EQ(bytes_of(whole_), packet);
      }
    }
    ASSERT_EQ(whole, 1u);
    now_ += std::chrono::seconds(31);  // a copy behind the last one waits in vain
    reassembler_.expire(now_);
    whole_.release();
    ASSERT_EQ(reassembler_.held_wire_packets(), 0u);
  }
}

TEST_F(Reassembly, EveryPartOfTheKeySeparates) {
  const Bytes first = fragment(1, 0, kHead, true), last = fragment(1, 8, Bytes(8), false);
  add(first, 1, 1);
  EXPECT_FALSE(add(last, 2, 1).is_whole);
  EXPECT_FALSE(add(last, 1, 2).is_whole);
  EXPECT_FALSE(add(fragment(2, 8, Bytes(8), false), 1, 1).is_whole);
  EXPECT_FALSE(add(fragment(1, 8, Bytes(8), false, 0x0a010006), 1, 1).is_whole);
  EXPECT_TRUE(add(last, 1, 1).is_whole);
}

TEST_F(Reassembly, AnOverlapEndsTheWholeDatagram) {  // RFC 5722 §4
  add(fragment(1, 0, Bytes(16), true));
  const Answer overlap = add(fragment(1, 8, Bytes(16, 1), true));
  ASSERT_TRUE(overlap.dropped);
  EXPECT_EQ(overlap.dropped->reason, DropReason::kFragmentOverlap);
  EXPECT_EQ(overlap.dropped->wire_packets, 2u);
  const Answer later = add(fragment(1, 24, Bytes(8), false));  // its rest goes the same way
  ASSERT_TRUE(later.dropped);
  EXPECT_EQ(later.dropped->reason, DropReason::kFragmentOverlap);
  EXPECT_EQ(later.dropped->wire_packets, 1u);
  EXPECT_EQ(reassembler_.held_wire_packets(), 0u);
  EXPECT_EQ(reassembler_.expire(now_ + std::chrono::seconds(30)), 0u);
}

TEST_F(Reassembly, ARewrittenCopyIsAnOverlap) {
  add(fragment(1, 0, Bytes(16, 1), true));
  EXPECT_FALSE(add(fragment(1, 0, Bytes(16, 1), true)).dropped);
  EXPECT_EQ(add(fragment(1, 0, Bytes(16, 2), true)).dropped->wire_packets, 3u);
}

TEST_F(Reassembly, EndsThatDisagreeAreAnOverlap) {
  add(fragment(1, 24, Bytes(5, 1), false));
  EXPECT_TRUE(
      add(fragment(1, 24, Bytes(8, 1), true)).dropped);  // behind the end, inside its last block
  add(fragment(2, 24, Bytes(8), true));
  EXPECT_TRUE(add(fragment(2, 8, Bytes(8), false)).dropped);  // an end before what is there
  add(fragment(3, 24, Bytes(8), false));
  EXPECT_TRUE(add(fragment(3, 40, Bytes(8), true)).dropped);  // something behind the end
  add(fragment(4, 24, Bytes(8), false));
  EXPECT_TRUE(add(fragment(4, 8, Bytes(8), false)).dropped);  // two ends
}

TEST_F(Reassembly, TooLargeADatagramIsDroppedWhole) {
  PacketSpec spec;
  spec.ip_options = Bytes(40, 1);
  spec.flags_offset = Ipv4Header::kMoreFragments;
  add(ip_packet(spec, 17, Bytes(65472)));  // the first has 60 bytes of header
  const Answer answer = add(fragment(77, 65472, Bytes(40), false));  // the last has 20
  ASSERT_TRUE(answer.dropped);
  EXPECT_EQ(answer.dropped->reason, DropReason::kFragmentLimit);
  EXPECT_EQ(answer.dropped->wire_packets, 2u);
}

TEST_F(Reassembly, TimesOutAfterThirtySeconds) {  // RFC 1122 §3.3.2
  add(fragment(1, 0, Bytes(8), true));
  add(fragment(1, 16, Bytes(8), true));
  now_ += std::chrono::seconds(10);
  add(fragment(2, 0, Bytes(8), true));
  EXPECT_EQ(reassembler_.expire(now_ + std::chrono::milliseconds(19999)), 0u);
  EXPECT_EQ(reassembler_.expire(now_ + std::chrono::seconds(20)), 2u);
  EXPECT_EQ(reassembler_.held_wire_packets(), 1u);
  EXPECT_FALSE(add(fragment(1, 8, Bytes(8), true)).is_whole);
}

TEST_F(Reassembly, AnIngressOnlyEvictsItsOwn) {
  add(fragment(9, 0, kHead, true), 2);  // the oldest of all
  now_ += std::chrono::seconds(1);
  for (uint16_t id = 0; id < 4; ++id) {
    EXPECT_FALSE(add(fragment(id, 0, kHead, true), 1).evicted);
    now_ += std::chrono::seconds(1);
  }
  const Answer fifth = add(fragment(4, 0, kHead, true), 1);
  ASSERT_TRUE(fifth.evicted);
  EXPECT_EQ(fifth.evicted->reason, DropReason::kFragmentLimit);
  EXPECT_EQ(fifth.evicted->wire_packets, 1u);
  EXPECT_TRUE(
      add(fragment(9, 8, Bytes(8), false), 2).is_whole);  // the other ingress kept its datagram
  EXPECT_TRUE(add(fragment(1, 8, Bytes(8), false), 1).is_whole);  // only the oldest went
}

TEST_F(Reassembly, WhenAllPlacesAreTakenTheOldestGoes) {
  for (uint16_t id = 0; id < 8; ++id) {
    add(fragment(id, 0, kHead, true), id);
    now_ += std::chrono::seconds(1);
  }
  EXPECT_TRUE(add(fragment(8, 0, kHead, true), 8).evicted);
  EXPECT_FALSE(add(fragment(0, 8, Bytes(8), false), 0).is_whole);
}

TEST_F(Reassembly, AWholeDatagramLeavesItsPlaceToTheNext) {
  const Bytes packet = udp_packet(without_df(100));
  for (int i = 0; i < 100; ++i) {
    for (const Bytes& part : fragments_of(packet, 100)) ASSERT_FALSE(add(part, 1).dropped) << i;
    ASSERT_EQ(bytes_of(whole_), packet);
  }
  EXPECT_EQ(reassembler_.held_wire_packets(), 0u);
}

TEST_F(Reassembly, AWholeDatagramStaysWithWhoeverHasItsBuffer) {
  const Bytes first = udp_packet(without_df(100)), second = udp_packet(without_df(200));
  for (const Bytes& part : fragments_of(first, 100)) add(part);
  const SuperPacket kept = std::move(whole_);
  for (const Bytes& part : fragments_of(second, 100)) add(part);
  EXPECT_EQ(bytes_of(kept), first);
  EXPECT_EQ(bytes_of(whole_), second);
  EXPECT_EQ(pool_.free_large(), 7u);
}

TEST_F(Reassembly, WithoutABufferAFragmentIsDropped) {
  std::vector<io::Buffer> all;
  while (io::Buffer one = pool_.take_large()) all.push_back(std::move(one));
  const Answer answer = add(fragment(1, 0, kHead, true));
  ASSERT_TRUE(answer.dropped);
  EXPECT_EQ(answer.dropped->reason, DropReason::kNoBuffer);
  EXPECT_EQ(reassembler_.held_wire_packets(), 0u);
  all.clear();
  EXPECT_FALSE(add(fragment(1, 0, kHead, true)).dropped);
}

TEST_F(Reassembly, PoisonedDatagramsHoldNoBuffer) {
  add(fragment(1, 0, Bytes(16, 1), true));
  EXPECT_TRUE(add(fragment(1, 8, Bytes(16, 2), true)).dropped);
  EXPECT_EQ(pool_.free_large(), 9u);
}

// As fast as they come, and interleaved as far as the limit goes: none is lost to a limit that is
// not reached.
TEST(ReassemblyAtSpeed, AMillionDatagramsOfOneIngress) {
  constexpr uint32_t kDatagrams = 1'000'000;
  const Reassembler::Limits limits;
  io::BufferPool pool({.small = 1, .large = limits.datagrams});
  Reassembler reassembler(limits, pool);
  const Bytes packet = udp_packet(without_df(100));
  auto parts = fragments_of(packet, 100);
  ASSERT_EQ(parts.size(), 2u);
  uint32_t whole_count = 0, lost = 0;
  const auto take = [&](Bytes& part, uint32_t number) {
    net::store_be16(&part[4], static_cast<uint16_t>(number));
    fix_ip_checksum(part);
    SuperPacket view, whole;
    if (parse(part, view)) return;
    const Reassembler::Answer answer = reassembler.add(view, 1, 1, Reassembler::Instant{}, whole);
    lost += answer.dropped.has_value() || answer.evicted.has_value();
    whole_count += answer.is_whole && whole.length() == packet.size() && answer.wire_packets == 2;
  };
  const uint32_t depth = limits.datagrams_per_ingress;
  for (uint32_t first = 0; first < kDatagrams; first += depth) {
    const uint32_t end = std::min(first + depth, kDatagrams);
    for (uint32_t i = first; i < end; ++i) take(parts[i % 2], i);
    for (uint32_t i = first; i < end; ++i) take(parts[1 - i % 2], i);
  }
  EXPECT_EQ(whole_count, kDatagrams);
  EXPECT_EQ(lost, 0u);
  EXPECT_EQ(reassembler.held_wire_packets(), 0u);
}

TEST_F(Reassembly, WhatIsMalformedWhenWholeIsDroppedWhole) {
  add(fragment(1, 0, Bytes(8, 0), true));  // a UDP header with length 0
  const Answer answer = add(fragment(1, 8, Bytes(8), false));
  ASSERT_TRUE(answer.dropped);
  EXPECT_EQ(answer.dropped->reason, DropReason::kMalformedTransport);
  EXPECT_EQ(answer.dropped->wire_packets, 2u);
}

TEST_F(Reassembly, CongestionOfOneFragmentIsThatOfAll) {  // RFC 3168 §5.3
  const Bytes packet = udp_packet([] {
    PacketSpec spec = without_df(1000);
    spec.tos = 2;  // ECT(0)
    return spec;
  }());
  auto fragments = fragments_of(packet, 500);
  fragments[1][1] = 3;
  fix_ip_checksum(fragments[1]);
  add(fragments[0]);
  add(fragments[1]);
  ASSERT_TRUE(add(fragments[2]).is_whole);
  EXPECT_EQ(whole_.parsed.tos, 3);

  auto mixed = fragments_of(udp_packet(without_df(1000)), 500);
  mixed[1][1] = 3;  // CE beside Not-ECT
  fix_ip_checksum(mixed[1]);
  add(mixed[0]);
  add(mixed[1]);
  EXPECT_EQ(add(mixed[2]).dropped->reason, DropReason::kEcnInvalid);
}

TEST_F(Reassembly, KeepsDfOfFragments) {
  Bytes packet = udp_packet(without_df(1000));
  auto fragments = fragments_of(packet, 500);
  for (Bytes& part : fragments) {
    part[6] |= 0x40;
    fix_ip_checksum(part);
    if (add(part).is_whole) break;
  }
  EXPECT_TRUE(whole_.parsed.has_df);
  EXPECT_EQ(fit(whole_, 1500), Fit::kFragment);
  EXPECT_EQ(written_by(Fragmenter(whole_, 1500)), fragments);
}

}  // namespace
}  // namespace farspan::dataplane
