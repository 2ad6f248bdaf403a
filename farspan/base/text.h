// SPDX-License-Identifier: Apache-2.0
// Text: what a string that somebody wrote holds, counted and judged as people see it.
//
// Threads: none; every function is pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace farspan {

/// Well-formed: shortest forms, no surrogates (RFC 3629).
bool is_utf8(std::string_view text);

/// Code points of `text`, which is what a limit of so many characters means. A byte that is no part
/// of UTF-8 counts as one.
size_t characters_in(std::string_view text);

/// False when `text` would not be shown as one line in the order in which it is stored: it holds
/// control characters, separators of lines, or marks that turn the direction of writing (UAX 9).
bool is_plain_line(std::string_view text);

}  // namespace farspan
