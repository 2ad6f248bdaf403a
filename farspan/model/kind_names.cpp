// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/kind_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>
#include <vector>

#include "farspan/model/limits.h"

namespace farspan::model {
namespace {

constexpr std::array<KindName, 13> kKinds = {{
    {"Region", "region", "regions"},
    {"Node", "node", "nodes"},
    {"Vpc", "vpc", "vpcs"},
    {"VSwitch", "vswitch", "vswitches"},
    {"SecurityGroup", "security-group", "security-groups"},
    {"Instance", "instance", "instances"},
    {"VpnGateway", "vpn-gateway", "vpn-gateways"},
    {"CustomerGateway", "customer-gateway", "customer-gateways"},
    {"IpsecConnection", "ipsec-connection", "ipsec-connections"},
    {"VpnRoute", "vpn-route", "vpn-routes"},
    {"Cen", "cen", "cens"},
    {"CenAttachment", "cen-attachment", "cen-attachments"},
    {"CenRoute", "cen-route", "cen-routes"},
}};

// Lower case without '-' and '_', so that every spelling of a kind folds to one word.
std::string folded(std::string_view word) {
  std::string out;
  for (char c : word) {
    if (c == '-' || c == '_') continue;
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// Levenshtein distance, one row at a time.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::span<const KindName> kind_names() { return kKinds; }

std::optional<KindName> kind_from(std::string_view word) {
  if (word.size() > 64) return std::nullopt;
  const std::string wanted = folded(word);
  for (const KindName& name : kKinds) {
    if (wanted == folded(name.kind) || wanted == folded(name.plural)) return name;
  }
  return std::nullopt;
}

bool is_name(std::string_view text) {
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  if (text.empty() || text.size() > limits::kNameLength || !is_lower(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_lower(c) || (c >= '0' && c <= '9') || c == '-'; });
}

bool is_label(std::string_view text) {
  return text.size() <= limits::kLabelLength && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("._/-").find(c) != std::string_view::npos;
         });
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty() || word.size() > 64) return std::nullopt;
  const std::string* best = nullptr;
  size_t best_distance =
      std::max<size_t>(2, word.size() / 3) + 1;  // farther is not a slip of the finger
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(folded(word), folded(candidate));
    if (distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  return best != nullptr ? std::optional(*best) : std::nullopt;
}

}  // namespace farspan::model
