// SPDX-License-Identifier: Apache-2.0
// The Internet checksum: how the sums in IPv4, TCP, UDP and ICMP are made, checked and kept up to
// date.
//
// InternetSum accumulates native-order 32-bit words in 64 bits and folds once at the end: the
// ones-complement sum does not care about byte order or grouping (RFC 1071 §2 B, C). Copying and
// summing is one pass, because the bytes of a segment are touched anyway when it is written. With
// AVX2 32 bytes a step, chosen when the program starts.
//
// Not here: pseudo-headers of whole packets (dataplane/packet/pseudo_header.h).
// Threads: values only.
// Standards: RFC 1071; RFC 1624 equation 3 for updates.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace farspan::net {

/// Sums native-order 32-bit words; kCopies also writes the bytes to `to`. A last odd byte counts as
/// a word whose second byte is 0. Inline, because headers are short and their lengths often
/// constants.
template <bool kCopies>
inline uint64_t sum_short(uint8_t* to, const uint8_t* from, size_t length) {
  uint64_t words = 0;
  const auto take = [&]<class Word>(Word word) {
    std::memcpy(&word, from, sizeof word);
    from += sizeof word;
    if constexpr (kCopies) {
      std::memcpy(to, &word, sizeof word);
      to += sizeof word;
    }
    return word;
  };
  for (; length >= 8; length -= 8) {
    const auto eight = take(uint64_t{});
    words += (eight & 0xffffffff) + (eight >> 32);
  }
  if (length & 4) words += take(uint32_t{});
  if (length & 2) words += take(uint16_t{});
  if (length & 1) {
    const uint8_t last = take(uint8_t{});
    words += std::endian::native == std::endian::little ? uint64_t{last} : uint64_t{last} << 8;
  }
  return words;
}
/// The same for any length, with vectors where the processor has them.
uint64_t sum_long(const uint8_t* from, size_t length);
uint64_t sum_long_copying(uint8_t* to, const uint8_t* from, size_t length);
inline constexpr size_t kShortSum = 64;  // below, vectors do not pay

class InternetSum {
 public:
  /// Goes on after what was added before; pieces may have odd lengths.
  void add(const uint8_t* bytes, size_t length) {
    add_words(
        length < kShortSum ? sum_short<false>(nullptr, bytes, length) : sum_long(bytes, length),
        length);
  }
  /// The same, and copies the bytes to `to`. The two ranges do not overlap.
  void add_copying(uint8_t* to, const uint8_t* from, size_t length) {
    add_words(
        length < kShortSum ? sum_short<true>(to, from, length) : sum_long_copying(to, from, length),
        length);
  }
  /// A field that stands at an even offset.
  void add16(uint16_t host_order) { words_ += to_native(host_order); }
  void add32(uint32_t host_order) {
    add16(static_cast<uint16_t>(host_order >> 16));
    add16(static_cast<uint16_t>(host_order));
  }

  /// The 16-bit sum, in host order.
  uint16_t folded() const { return to_native(fold(words_)); }
  /// What goes into the checksum field.
  uint16_t checksum() const { return static_cast<uint16_t>(~folded()); }
  /// True when a whole packet, its checksum field included, was added and is intact.
  bool is_intact() const { return folded() == 0xffff; }

 private:
  static constexpr uint16_t to_native(uint16_t host_order) {
    return std::endian::native == std::endian::little ? __builtin_bswap16(host_order) : host_order;
  }
  static uint16_t fold(uint64_t words) {
    words = (words & 0xffffffff) + (words >> 32);
    words = (words & 0xffffffff) + (words >> 32);
    words = (words & 0xffff) + (words >> 16);
    words = (words & 0xffff) + (words >> 16);
    return static_cast<uint16_t>(words);
  }
  void add_words(uint64_t words, size_t length) {
    words_ += is_odd_ ? std::rotl(fold(words), 8) : words;
    is_odd_ ^= (length & 1) != 0;
  }

  uint64_t words_ = 0;   // sum of native-order words; far from overflow for any IPv4 packet
  bool is_odd_ = false;  // the next byte is the low half of a word
};

/// The checksum of one contiguous range, its checksum field being zero.
inline uint16_t internet_checksum(const uint8_t* bytes, size_t length) {
  InternetSum sum;
  sum.add(bytes, length);
  return sum.checksum();
}

/// A checksum after one 16-bit word that it covers changed (RFC 1624 §3, equation 3). All in host
/// order.
constexpr uint16_t updated_checksum(uint16_t checksum, uint16_t before, uint16_t after) {
  uint32_t sum = static_cast<uint16_t>(~checksum) +
                 static_cast<uint32_t>(static_cast<uint16_t>(~before)) + after;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}
constexpr uint16_t updated_checksum32(uint16_t checksum, uint32_t before, uint32_t after) {
  checksum = updated_checksum(checksum, static_cast<uint16_t>(before >> 16),
                              static_cast<uint16_t>(after >> 16));
  return updated_checksum(checksum, static_cast<uint16_t>(before), static_cast<uint16_t>(after));
}

}  // namespace farspan::net
