// SPDX-License-Identifier: Apache-2.0
#include "farspan/net/address.h"

#include <gtest/gtest.h>

namespace farspan::net {
namespace {

Prefix prefix(const char* text) { return Prefix::parse(text).value(); }

TEST(Address, PrintsWhatItParsed) {
  for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "2001:db8::1", "::"}) {
    EXPECT_EQ(Address::parse(text).value().text(), text);
  }
}

TEST(Address, RefusesWhatIsNotExactlyAnAddress) {
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", " 1.2.3.4",
                           "1.2.3.4 ", "::g", "1.2.3.4/8"}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
}

TEST(Address, KeepsHostOrder) { EXPECT_EQ(Address::parse("192.0.2.1")->v4(), 0xC0000201u); }

TEST(Prefix, RefusesHostBitsAndBadLengths) {
  for (const char* text : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0", "10.0.0.0/08",
                           "10.0.0.0/-1", "2001:db8::1/64", "10.0.0.0/8x"}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

TEST(Prefix, ContainsAndOverlaps) {
  EXPECT_TRUE(prefix("0.0.0.0/0").contains(prefix("10.10.10.0/24")));
  EXPECT_FALSE(prefix("10.10.10.0/24").contains(prefix("10.10.0.0/16")));
  EXPECT_TRUE(prefix("10.10.10.0/24").overlaps(prefix("10.10.0.0/16")));
  EXPECT_FALSE(prefix("10.10.10.0/24").overlaps(prefix("10.10.11.0/24")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(Address::parse("::1").value()));
  EXPECT_TRUE(prefix("10.10.10.8/29").contains(Address::parse("10.10.10.15").value()));
  EXPECT_FALSE(prefix("10.10.10.8/29").contains(Address::parse("10.10.10.16").value()));
}

TEST(Prefix, LastIsTheHighestAddressInside) {
  EXPECT_EQ(prefix("172.16.1.0/24").last().text(), "172.16.1.255");
  EXPECT_EQ(prefix("10.0.0.0/9").last().text(), "10.127.255.255");
  EXPECT_EQ(prefix("192.0.2.7/32").last().text(), "192.0.2.7");
  EXPECT_EQ(prefix("2001:db8::/126").last().text(), "2001:db8::3");
}

TEST(Prefix, CoveringClearsHostBits) {
  EXPECT_EQ(Prefix::covering(Address::parse("172.16.1.10").value(), 20).text(), "172.16.0.0/20");
}

}  // namespace
}  // namespace farspan::net
