// SPDX-License-Identifier: Apache-2.0
#include "farspan/base/utc.h"

#include <gtest/gtest.h>

namespace farspan {
namespace {

TEST(Utc, IsReadAsItIsWritten) {
  // The first three: RFC 3339 §5.8, the third one's leap second read as the next one.
  EXPECT_EQ(parse_utc("1985-04-12T23:20:50.52Z"), 482196050520);
  EXPECT_EQ(utc_text(482196050520), "1985-04-12T23:20:50.520Z");
  EXPECT_EQ(parse_utc("1990-12-31T23:59:60Z"), 662688000000);
  EXPECT_EQ(parse_utc("2000-02-29"), 951782400000);
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(utc_text(-1), "1969-12-31T23:59:59.999Z");
  for (int64_t at = 1; at < 4'000'000'000'000; at = at * 3 + 7)
    EXPECT_EQ(parse_utc(utc_text(at)), at);
}

TEST(Utc, WhatIsNoTimeIsNotRead) {
  for (const char* text :
       {"", "2026", "2026-13-01", "2026-02-29", "2026-11-31", "2026-11-30T", "2026-11-30T24:00:00Z",
        "2026-11-30T22:60:00Z", "2026-11-30T22:38:61Z", "2026-11-30T22:38:32",
        "2026-11-30T22:38:32.Z", "2026-11-30T22:38:32+01:00", "2026-11-30 22:38:32Z",
        "2026-11-30T22:38:32Zx", "x026-11-30"})
    EXPECT_FALSE(parse_utc(text)) << text;
}

}  // namespace
}  // namespace farspan
