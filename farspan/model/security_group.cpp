// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/security_group.h"

#include <charconv>

namespace farspan::model {
namespace {

std::optional<uint16_t> port_from(std::string_view digits) {
  uint16_t port = 0;
  const char* const end = digits.data() + digits.size();
  const auto [at, fault] = std::from_chars(digits.data(), end, port);
  const bool is_plain = digits.size() == 1 || !digits.starts_with('0');
  if (fault != std::errc() || at != end || !is_plain) return std::nullopt;
  return port;
}

}  // namespace

std::string PortRange::text() const {
  if (*this == PortRange{}) return {};
  if (low == high) return std::to_string(low);
  return std::to_string(low) + "-" + std::to_string(high);
}

std::optional<PortRange> PortRange::parse(std::string_view text) {
  if (text.empty()) return PortRange{};
  const size_t dash = text.find('-');
  const auto first = port_from(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : port_from(text.substr(dash + 1));
  if (!first || !last) return std::nullopt;
  return PortRange{*first, *last};
}

}  // namespace farspan::model
