// SPDX-License-Identifier: Apache-2.0
#include "farspan/base/text.h"

#include <gtest/gtest.h>

#include <string>

namespace farspan {
namespace {

TEST(Text, CharactersAreThoseOfPeople) {
  std::string chinese;
  for (int i = 0; i < 90; ++i) chinese += "字";
  EXPECT_EQ(characters_in(chinese), 90u);
  EXPECT_EQ(characters_in("a\u00fc\U0001f600"), 3u);
  EXPECT_EQ(characters_in("\xff\xfe"), 2u);
}

TEST(Text, Utf8IsWellFormedOnly) {
  for (const char* text : {"", "a", "\u00fc", "字", "\U0001f600"})
    EXPECT_TRUE(is_utf8(text)) << text;
  for (const char* text : {"\xff", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                           "\xe5\xad", "\xf5\x80\x80\x80", "\x80"})
    EXPECT_FALSE(is_utf8(text)) << text;
}

TEST(Text, WhatHidesOrTurnsALineIsNotPlain) {
  for (const char* text : {"", "plain", "字 \u00fc \U0001f600", "\u0645\u0631\u062d\u0628\u0627"})
    EXPECT_TRUE(is_plain_line(text)) << text;
  for (const char* text : {"a\nb", "\t", "\x1b[31m", "\x7f", "\u0085", "\u2028", "a\u202eb",
                           "\u2066", "\u200f", "\ufeff", "\xff"})
    EXPECT_FALSE(is_plain_line(text)) << text;
}

}  // namespace
}  // namespace farspan
