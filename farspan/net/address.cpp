// SPDX-License-Identifier: Apache-2.0
#include "farspan/net/address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstdio>
#include <cstring>

#include "farspan/base/check.h"

namespace farspan::net {

Address Address::v6(const std::array<uint8_t, 16>& bytes) {
  Address address = unspecified_v6();
  address.bytes_ = bytes;
  return address;
}

std::optional<Address> Address::parse(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  const std::string terminated(text);
  Address address;
  if (text.find(':') == std::string_view::npos) {
    if (inet_pton(AF_INET, terminated.c_str(), address.bytes_.data()) != 1) return std::nullopt;
    return address;
  }
  address.family_ = Family::kIpv6;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) != 1) return std::nullopt;
  return address;
}

std::string Address::text() const {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer);
  return buffer;
}

namespace {

// Byte `index` of the mask of a prefix of `length` bits.
uint8_t mask_byte(int length, int index) {
  const int bits = length - 8 * index;
  if (bits >= 8) return 0xff;
  if (bits <= 0) return 0;
  return static_cast<uint8_t>(0xff << (8 - bits));
}

Address combine(const Address& address, int length, uint8_t host_fill) {
  std::array<uint8_t, 16> bytes = address.bytes();
  for (int i = 0; i < address.bits() / 8; ++i) {
    const uint8_t mask = mask_byte(length, i);
    auto& byte = bytes[static_cast<size_t>(i)];
    byte = static_cast<uint8_t>((byte & mask) | (host_fill & ~mask));
  }
  if (!address.is_v4()) return Address::v6(bytes);
  return Address::v4(uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 |
                     bytes[3]);
}

}  // namespace

Prefix Prefix::covering(const Address& address, int length) {
  FS_CHECK(length >= 0 && length <= address.bits());
  Prefix prefix;
  prefix.address_ = combine(address, length, 0);
  prefix.length_ = static_cast<uint8_t>(length);
  return prefix;
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = Address::parse(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  int length = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool is_canonical_number = digits.size() == 1 || (!digits.empty() && digits[0] != '0');
  if (!address || error != std::errc{} || end != digits.data() + digits.size() ||
      !is_canonical_number || length < 0 || length > address->bits()) {
    return std::nullopt;
  }
  Prefix prefix = covering(*address, length);
  if (prefix.address_ != *address) return std::nullopt;
  return prefix;
}

bool Prefix::contains(const Address& address) const {
  return address.family() == family() && combine(address, length_, 0) == address_;
}

bool Prefix::contains(const Prefix& other) const {
  return other.length_ >= length_ && contains(other.address_);
}

Address Prefix::last() const { return combine(address_, length_, 0xff); }

std::string Prefix::text() const { return address_.text() + "/" + std::to_string(length_); }

std::string MacAddress::text() const {
  char buffer[18];
  std::snprintf(buffer, sizeof buffer, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1],
                bytes[2], bytes[3], bytes[4], bytes[5]);
  return buffer;
}

}  // namespace farspan::net

size_t std::hash<farspan::net::Address>::operator()(
    const farspan::net::Address& address) const noexcept {
  const auto& bytes = address.bytes();
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
