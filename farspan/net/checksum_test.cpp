// SPDX-License-Identifier: Apache-2.0
#include "farspan/net/checksum.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "farspan/net/headers.h"

namespace farspan::net {
namespace {

// Word by word as RFC 1071 §1 says it, with nothing clever.
uint16_t naive_sum(const std::vector<uint8_t>& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(bytes[i] << 8) | (i + 1 < bytes.size() ? bytes[i + 1] : 0u);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<uint16_t>(sum);
}

std::vector<uint8_t> random_bytes(std::mt19937& random, size_t length) {
  std::vector<uint8_t> bytes(length);
  const bool is_extreme = random() % 4 == 0;
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(is_extreme ? 0xff : random());
  return bytes;
}

TEST(InternetSum, MatchesTheExampleOfRfc1071) {  // RFC 1071 §3
  const std::array<uint8_t, 8> bytes = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  InternetSum sum;
  sum.add(bytes.data(), bytes.size());
  EXPECT_EQ(sum.folded(), 0xddf2);
  EXPECT_EQ(sum.checksum(), 0x220d);
}

TEST(InternetSum, OfNothingIsZero) {
  EXPECT_EQ(InternetSum().folded(), 0);
  EXPECT_EQ(InternetSum().checksum(), 0xffff);
}

TEST(InternetSum, AgreesWithWordByWordAtEveryLengthAndAlignment) {
  std::mt19937 random(1);
  for (size_t length = 0; length < 300; ++length) {
    for (size_t shift : {0, 1, 3, 8}) {
      const auto bytes = random_bytes(random, length);
      std::vector<uint8_t> shifted(shift + length);
      std::copy(bytes.begin(), bytes.end(), shifted.begin() + static_cast<ptrdiff_t>(shift));
      InternetSum sum;
      sum.add(shifted.data() + shift, length);
      ASSERT_EQ(sum.folded(), naive_sum(bytes)) << length;
    }
  }
}

TEST(InternetSum, SixtyFourKilobytesOfOnesDoNotOverflow) {
  const std::vector<uint8_t> bytes(65535, 0xff);
  InternetSum sum;
  sum.add(bytes.data(), bytes.size());
  EXPECT_EQ(sum.folded(), naive_sum(bytes));
}

TEST(InternetSum, OddPiecesGiveTheSameAsOneRange) {
  std::mt19937 random(2);
  for (int round = 0; round < 500; ++round) {
    const auto bytes = random_bytes(random, random() % 2000);
    InternetSum sum;
    std::vector<uint8_t> copy(bytes.size());
    for (size_t at = 0; at < bytes.size();) {
      const size_t length = std::min<size_t>(random() % 500, bytes.size() - at);
      if (random() % 2) {
        sum.add(bytes.data() + at, length);
        std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), length,
                    copy.begin() + static_cast<ptrdiff_t>(at));
      } else {
        sum.add_copying(copy.data() + at, bytes.data() + at, length);
      }
      at += length;
    }
    ASSERT_EQ(sum.folded(), naive_sum(bytes));
    ASSERT_EQ(copy, bytes);
  }
}

TEST(InternetSum, FieldsCountLikeTheirBytes) {
  InternetSum fields, bytes;
  fields.add32(0xc0000201);
  fields.add16(0x1234);
  const std::array<uint8_t, 6> same = {0xc0, 0, 2, 1, 0x12, 0x34};
  bytes.add(same.data(), same.size());
  EXPECT_EQ(fields.folded(), bytes.folded());
}

TEST(InternetSum, IntactPacketsSumToAllOnes) {
  std::mt19937 random(3);
  auto bytes = random_bytes(random, 100);
  store_be16(&bytes[10], 0);
  store_be16(&bytes[10], internet_checksum(bytes.data(), bytes.size()));
  InternetSum sum, damaged;
  sum.add(bytes.data(), bytes.size());
  EXPECT_TRUE(sum.is_intact());
  bytes[40] ^= 1;
  damaged.add(bytes.data(), bytes.size());
  EXPECT_FALSE(damaged.is_intact());
}

TEST(UpdatedChecksum, MatchesTheExampleOfRfc1624) {  // RFC 1624 §4
  EXPECT_EQ(updated_checksum(0xdd2f, 0x5555, 0x3285), 0x0000);
}

TEST(UpdatedChecksum, AgreesWithARecalculation) {
  std::mt19937 random(4);
  for (int round = 0; round < 2000; ++round) {
    auto bytes = random_bytes(random, 40);
    bytes[0] |= 1;  // all-zero data has two representations of its sum (RFC 1624 §3)
    store_be16(&bytes[10], 0);
    const uint16_t before = internet_checksum(bytes.data(), bytes.size());
    const uint32_t old_word = load_be32(&bytes[20]);
    const auto new_word = static_cast<uint32_t>(random());
    store_be32(&bytes[20], new_word);
    EXPECT_EQ(updated_checksum32(before, old_word, new_word),
              internet_checksum(bytes.data(), bytes.size()));
  }
}

}  // namespace
}  // namespace farspan::net
