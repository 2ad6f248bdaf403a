// SPDX-License-Identifier: Apache-2.0
// Words: how each enumeration of the model is written in documents; the first word is the default.
//
// Internal to api/codec.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "farspan/model/ipsec_connection.h"
#include "farspan/model/security_group.h"

namespace farspan::api::codec {

template <class Enum>
struct Word {
  Enum value;
  std::string_view word;
};

inline constexpr std::array<Word<model::IkeVersion>, 2> kIkeVersions = {
    {{model::IkeVersion::kIkev2, "ikev2"}, {model::IkeVersion::kIkev1, "ikev1"}}};
inline constexpr std::array<Word<model::IkeMode>, 2> kIkeModes = {
    {{model::IkeMode::kMain, "main"}, {model::IkeMode::kAggressive, "aggressive"}}};
inline constexpr std::array<Word<model::Encryption>, 4> kIkeEncryptions = {
    {{model::Encryption::kAes256, "aes256"},
     {model::Encryption::kAes128, "aes"},
     {model::Encryption::kAes128Gcm, "aes128gcm"},
     {model::Encryption::kAes256Gcm, "aes256gcm"}}};
inline constexpr std::array<Word<model::Encryption>, 4> kIpsecEncryptions = {
    {{model::Encryption::kAes256Gcm, "aes256gcm"},
     {model::Encryption::kAes128Gcm, "aes128gcm"},
     {model::Encryption::kAes256, "aes256"},
     {model::Encryption::kAes128, "aes"}}};
inline constexpr std::array<Word<model::Integrity>, 4> kIkeIntegrities = {
    {{model::Integrity::kSha256, "sha256"},
     {model::Integrity::kSha1, "sha1"},
     {model::Integrity::kSha384, "sha384"},
     {model::Integrity::kSha512, "sha512"}}};
inline constexpr std::array<Word<model::Integrity>, 2> kIpsecIntegrities = {
    {{model::Integrity::kSha256, "sha256"}, {model::Integrity::kSha1, "sha1"}}};
inline constexpr std::array<Word<model::DhGroup>, 6> kDhGroups = {
    {{model::DhGroup::kGroup14, "group14"},
     {model::DhGroup::kGroup2, "group2"},
     {model::DhGroup::kGroup5, "group5"},
     {model::DhGroup::kGroup19, "group19"},
     {model::DhGroup::kGroup20, "group20"},
     {model::DhGroup::kGroup31, "group31"}}};
inline constexpr std::array<Word<model::DhGroup>, 7> kPfsGroups = {
    {{model::DhGroup::kGroup14, "group14"},
     {model::DhGroup::kNone, "disabled"},
     {model::DhGroup::kGroup2, "group2"},
     {model::DhGroup::kGroup5, "group5"},
     {model::DhGroup::kGroup19, "group19"},
     {model::DhGroup::kGroup20, "group20"},
     {model::DhGroup::kGroup31, "group31"}}};
inline constexpr std::array<Word<model::Direction>, 2> kDirections = {
    {{model::Direction::kIngress, "ingress"}, {model::Direction::kEgress, "egress"}}};
inline constexpr std::array<Word<model::RuleProtocol>, 5> kProtocols = {
    {{model::RuleProtocol::kAll, "all"},
     {model::RuleProtocol::kTcp, "tcp"},
     {model::RuleProtocol::kUdp, "udp"},
     {model::RuleProtocol::kIcmp, "icmp"},
     {model::RuleProtocol::kGre, "gre"}}};
inline constexpr std::array<Word<model::RuleAction>, 2> kActions = {
    {{model::RuleAction::kAccept, "accept"}, {model::RuleAction::kDrop, "drop"}}};
inline constexpr std::array<Word<bool>, 2> kInnerAccess = {{{true, "accept"}, {false, "drop"}}};

template <class Enum, size_t kCount>
std::string word_of(const std::array<Word<Enum>, kCount>& words, Enum value) {
  for (const auto& [known, word] : words) {
    if (known == value) return std::string(word);
  }
  return {};  // not writable in this field: validate() refuses such a model
}

/// The value written as `word`; the default when nothing is written; nothing when the word is
/// unknown.
template <class Enum, size_t kCount>
std::optional<Enum> value_of(const std::array<Word<Enum>, kCount>& words, std::string_view word) {
  if (word.empty()) return words.front().value;
  for (const auto& [value, known] : words) {
    if (known == word) return value;
  }
  return std::nullopt;
}

}  // namespace farspan::api::codec
