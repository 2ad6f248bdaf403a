// SPDX-License-Identifier: Apache-2.0
// Drop words: what a "drop.<reason>" counter means, in the words of the data plane's table.
#pragma once

#include <span>
#include <string_view>

namespace farspan::api {

struct DropWords {
  std::string_view reason;    // "bad_icv"
  std::string_view severity;  // "Expected", "Peer" or "Node", as in the table
  std::string_view words;
};

std::span<const DropWords> drop_words();

}  // namespace farspan::api
