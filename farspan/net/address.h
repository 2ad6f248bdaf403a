// SPDX-License-Identifier: Apache-2.0
// Address and Prefix: IP addresses and CIDR prefixes, IPv4 and IPv6, as values.
//
// One type for both families, because the model, the compiler and the RIB treat them alike; the
// packet path has its own four-byte view (net/headers.h). IPv4 occupies the first four of the
// sixteen bytes. Parsing is strict: no leading zeros, no host bits beyond the prefix length (RFC
// 4291 §2.2-2.3, RFC 4632 §3.1).
//
// Not here: sockets (base/message_socket.h, io/), reserved ranges (net/reserved.h).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace farspan::net {

enum class Family : uint8_t { kIpv4 = 4, kIpv6 = 6 };

class Address {
 public:
  constexpr Address() = default;  // 0.0.0.0
  /// @param host_order  0xC0000201 is 192.0.2.1
  static constexpr Address v4(uint32_t host_order) {
    Address address;
    for (unsigned i = 0; i < 4; ++i)
      address.bytes_[i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
    return address;
  }
  static Address v6(const std::array<uint8_t, 16>& bytes);

  /// The address written as `text`, or nothing: "192.0.2.1", "2001:db8::1".
  static std::optional<Address> parse(std::string_view text);

  constexpr Family family() const { return family_; }
  constexpr bool is_v4() const { return family_ == Family::kIpv4; }
  constexpr int bits() const { return is_v4() ? 32 : 128; }
  constexpr bool is_unspecified() const { return *this == Address{} || *this == unspecified_v6(); }

  /// Host-order value. @pre is_v4()
  constexpr uint32_t v4() const {
    return uint32_t{bytes_[0]} << 24 | uint32_t{bytes_[1]} << 16 | uint32_t{bytes_[2]} << 8 |
           bytes_[3];
  }
  /// Network-order bytes; the first four for IPv4.
  constexpr const std::array<uint8_t, 16>& bytes() const { return bytes_; }

  std::string text() const;
  constexpr auto operator<=>(const Address&) const = default;

 private:
  static constexpr Address unspecified_v6() {
    Address address;
    address.family_ = Family::kIpv6;
    return address;
  }
  Family family_ = Family::kIpv4;
  std::array<uint8_t, 16> bytes_{};
};

class Prefix {
 public:
  constexpr Prefix() = default;  // 0.0.0.0/0
  /// The prefix of `length` bits that covers `address`; host bits are cleared.
  static Prefix covering(const Address& address, int length);
  /// One address as a prefix: /32 or /128.
  static Prefix host(const Address& address) { return covering(address, address.bits()); }
  /// "10.10.10.0/24"; nothing when malformed or when host bits are set.
  static std::optional<Prefix> parse(std::string_view text);

  const Address& address() const { return address_; }
  int length() const { return length_; }
  Family family() const { return address_.family(); }
  bool is_default() const { return length_ == 0; }

  bool contains(const Address& address) const;
  bool contains(const Prefix& other) const;
  bool overlaps(const Prefix& other) const { return contains(other) || other.contains(*this); }
  /// The highest address inside (the broadcast address of an IPv4 subnet).
  Address last() const;

  std::string text() const;
  constexpr auto operator<=>(const Prefix&) const = default;

 private:
  Address address_;
  uint8_t length_ = 0;
};

struct MacAddress {
  std::array<uint8_t, 6> bytes{};
  std::string text() const;  // "02:00:00:00:00:01"
  constexpr auto operator<=>(const MacAddress&) const = default;
};

}  // namespace farspan::net

template <>
struct std::hash<farspan::net::Address> {
  size_t operator()(const farspan::net::Address& address) const noexcept;
};
