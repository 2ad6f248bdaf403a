// SPDX-License-Identifier: Apache-2.0
// Kind names: how people may write a kind (IpsecConnection, ipsec-connection, ipsecconnections, …),
// and what may be the name of a resource.
//
// Includes nothing of the model, so the command line can use it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace farspan::model {

struct KindName {
  std::string_view kind;      // "IpsecConnection", in documents
  std::string_view singular;  // "ipsec-connection", in commands
  std::string_view plural;    // "ipsec-connections", in commands and addresses
};

/// Every kind, in the order of Kinds.
std::span<const KindName> kind_names();

/// The kind meant by `word`: its name, singular or plural in any case, with or without '-' and '_';
/// or nothing.
std::optional<KindName> kind_from(std::string_view word);

/// May something be called so? 1 to 63 of a-z, 0-9 and '-', a letter first.
bool is_name(std::string_view text);

/// May it be the value of a label, and, if it is not empty, its name? At most 63 letters, digits,
/// '.', '_', '/' and '-'.
bool is_label(std::string_view text);

/// The word of `candidates` nearest to `word` by edit distance, or nothing when none is near.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace farspan::model
