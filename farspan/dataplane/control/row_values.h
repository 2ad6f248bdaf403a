// SPDX-License-Identifier: Apache-2.0
// row_values: values as rows of the agent write them, and what is said of wrong ones.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "farspan/dataplane/control/row_error.h"
#include "farspan/dataplane/fib/prefix4.h"

namespace farspan::dataplane {

/// A value of a batch for an error: printable, and cut where it is long.
std::string quoted(std::string_view value);

/// Host order; nothing: it is no IPv4 prefix.
std::optional<Prefix4> prefix_of(const std::string& text);
Result<Prefix4> prefix(const std::string& row, const std::string& field, const std::string& text);
/// Host order.
Result<uint32_t> address(const std::string& row, const std::string& field, const std::string& text);

/// RFC 3032 §2.1: 20 bits, and 0 … 15 are reserved.
bool is_label(uint32_t value);
Error label_out_of_range(const std::string& row, const std::string& field, uint32_t label);

Error comes_twice(const std::string& row);

}  // namespace farspan::dataplane
