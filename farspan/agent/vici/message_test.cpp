// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/vici/message.h"

#include <gtest/gtest.h>

#include <random>

namespace farspan::vici {

// "Encoding example" of strongSwan 5.9.8, src/libcharon/plugins/vici/README.md.
TEST(Section, IsWrittenAsTheReadmesExample) {
  Section message;
  message.set("key1", "value1");
  Section& section = message.section("section1");
  section.section("sub-section").set("key2", "value2");
  section.list("list1", {"item1", "item2"});

  const std::string_view want(
      "\3\4key1\0\6value1"
      "\1\10section1"
      "\1\13sub-section"
      "\3\4key2\0\6value2"
      "\2"
      "\4\5list1"
      "\5\0\5item1"
      "\5\0\5item2"
      "\6"
      "\2",
      77);
  ASSERT_TRUE(encode(message).ok());
  EXPECT_EQ(*encode(message), want);
  ASSERT_TRUE(decode(want).ok());
  EXPECT_EQ(*decode(want), message);
}

TEST(Section, FindsByNameAndKind) {
  Section message;
  message.set("version", uint64_t{2})
      .list("addrs", {"192.0.2.1"})
      .section("child")
      .set("mode", "TUNNEL");
  EXPECT_EQ(message.number("version"), 2u);
  EXPECT_EQ(message.number("child", 7), 7u);  // a section is no value
  EXPECT_EQ(message.find("child")->value("mode"), "TUNNEL");
  EXPECT_EQ(message.find("version"), nullptr);
  EXPECT_EQ(message.find_list("addrs")->front(), "192.0.2.1");
}

TEST(Decode, RefusesEveryTruncation) {
  Section message;
  message.section("a").list("b", {"c"}).set("d", "e");
  const std::string bytes = *encode(message);
  for (size_t length = 1; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode(bytes.substr(0, length)).ok()) << length;
  }
}

TEST(Decode, RefusesWhatIsNotBalanced) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(decode("\2"sv).ok());                 // an end without a start
  EXPECT_FALSE(decode("\5\0\1x"sv).ok());            // an item outside a list
  EXPECT_FALSE(decode("\4\1l\3\1k\0\1v\6"sv).ok());  // a value inside a list
  EXPECT_FALSE(decode("\7"sv).ok());                 // no such element
  EXPECT_FALSE(decode("\3\0\0\1v"sv).ok());          // no name
}

TEST(Decode, RefusesMoreThanTheDeepestNesting) {
  std::string bytes;
  for (int i = 0; i <= kMaxDepth; ++i) bytes += "\1\1s";
  for (int i = 0; i <= kMaxDepth; ++i) bytes += "\2";
  EXPECT_FALSE(decode(bytes).ok());
  EXPECT_TRUE(decode(bytes.substr(3, bytes.size() - 4)).ok());  // one less
}

TEST(Encode, RefusesWhatTheFormatCannotSay) {
  EXPECT_FALSE(encode(Section{}.set(std::string(256, 'n'), "v")).ok());
  EXPECT_FALSE(encode(Section{}.set("n", std::string(65536, 'v'))).ok());
  EXPECT_TRUE(encode(Section{}.set(std::string(255, 'n'), std::string(65535, 'v'))).ok());
}

TEST(Decode, OfRandomBytesNeverFailsOtherwiseThanBySayingSo) {
  std::mt19937 rng(598);
  for (int i = 0; i < 100'000; ++i) {
    std::string bytes(rng() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(rng() % 8);
    if (auto section = decode(bytes); section.ok()) {
      ASSERT_EQ(*encode(*section), bytes);
    }
  }
}

}  // namespace farspan::vici
