// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/icmp_quotes.h"

#include <gtest/gtest.h>

#include <vector>

#include "farspan/net/checksum.h"

namespace farspan::io {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Bytes ip_header(uint8_t protocol, uint16_t length, uint16_t offset = 0) {
  return {0x45,
          0,
          static_cast<uint8_t>(length >> 8),
          static_cast<uint8_t>(length),
          0,
          1,
          static_cast<uint8_t>(0x40 | offset >> 8),
          static_cast<uint8_t>(offset),
          60,
          protocol,
          0,
          0,
          192,
          0,
          2,
          1,  // ours, as that of a quoted packet
          198,
          51,
          100,
          2};
}
const Bytes kUdp4500 = {0x11, 0x94, 0x1F, 0x40, 1, 2, 0, 0};  // 4500 > 8000
const Bytes kEsp = {0xC0, 0xFF, 0xEE, 1, 0, 0, 0, 42};

Bytes too_big(const Bytes& quoted, uint16_t mtu = 1300, uint8_t code = 4) {
  Bytes icmp =
      Bytes{3, code, 0, 0, 0, 0, static_cast<uint8_t>(mtu >> 8), static_cast<uint8_t>(mtu)} +
      quoted;
  net::InternetSum sum;
  sum.add(icmp.data(), icmp.size());
  icmp[2] = static_cast<uint8_t>(sum.checksum() >> 8);
  icmp[3] = static_cast<uint8_t>(sum.checksum());
  return ip_header(1, static_cast<uint16_t>(20 + icmp.size())) + icmp;
}

TEST(ReadEspQuote, SaysWhichSegmentOfATrainItWas) {
  const auto quote = read_esp_quote(too_big(ip_header(17, 1450) + kUdp4500 + kEsp));
  ASSERT_TRUE(quote);
  EXPECT_EQ(quote->source, (Endpoint{0xC0000201, 4500}));
  EXPECT_EQ(quote->destination, (Endpoint{0xC6336402, 8000}));
  EXPECT_EQ(quote->packet_length, 1450u);
  EXPECT_EQ(quote->next_hop_mtu, 1300u);
  EXPECT_TRUE(quote->has_esp_header);
  EXPECT_EQ(quote->spi, 0xC0FFEE01u);
  EXPECT_EQ(quote->sequence, 42u);
}

TEST(ReadEspQuote, EightBytesAreEnoughOfNativeEspAndTooFewOfUdp) {  // RFC 792
  const auto native = read_esp_quote(too_big(ip_header(50, 1450) + kEsp));
  ASSERT_TRUE(native);
  EXPECT_EQ(native->source, (Endpoint{0xC0000201, 0}));
  EXPECT_TRUE(native->has_esp_header);
  const auto udp = read_esp_quote(too_big(ip_header(17, 1450) + kUdp4500));
  ASSERT_TRUE(udp);
  EXPECT_FALSE(udp->has_esp_header);
}

TEST(ReadEspQuote, LeavesOutWhatIsNotAboutEspOrDamaged) {
  const Bytes good = ip_header(17, 1450) + kUdp4500 + kEsp;
  EXPECT_FALSE(read_esp_quote(too_big(good, 1300, 3)));                         // another code
  EXPECT_FALSE(read_esp_quote(too_big(ip_header(6, 1450) + kUdp4500 + kEsp)));  // TCP
  Bytes other_port = good;
  other_port[20] = 0;
  EXPECT_FALSE(read_esp_quote(too_big(other_port)));
  EXPECT_FALSE(read_esp_quote(too_big(ip_header(17, 1450) + kUdp4500 + Bytes(8, 0))));  // IKE
  EXPECT_FALSE(read_esp_quote(too_big(ip_header(50, 1450, 185) + kEsp)));  // a later fragment
  Bytes damaged = too_big(good);
  damaged.back() ^= 1;
  EXPECT_FALSE(read_esp_quote(damaged));
  const Bytes whole = too_big(good);
  for (size_t length = 0; length + 16 < whole.size(); ++length)
    EXPECT_FALSE(read_esp_quote({whole.data(), length})) << length;
}

}  // namespace
}  // namespace farspan::io
