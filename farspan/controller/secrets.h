// SPDX-License-Identifier: Apache-2.0
// Secrets: random keys and tokens, and the digests that are stored in their place.
//
// All randomness is OpenSSL's; a generator that fails ends the program, since nothing safe can
// follow.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace farspan::controller {

/// A pre-shared key for a connection that was declared without one: 24 letters and digits without
/// the ones that look alike (0 O 1 l I), about 139 bits, and nothing a device's configuration would
/// have to quote.
std::string make_psk();

/// 256 random bits as 64 hexadecimal digits.
std::string make_token();

/// 64 random bits that are not all 0.
uint64_t make_random_number();

std::string sha256_hex(std::string_view bytes);

/// Compares without telling by the time taken where the two differ.
bool is_equal_secret(std::string_view a, std::string_view b);

}  // namespace farspan::controller
