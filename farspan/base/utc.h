// SPDX-License-Identifier: Apache-2.0
// Times of day in UTC as text (RFC 3339), for people and programs alike.
//
// Threads: none; every function is pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace farspan {

/// Since 1970-01-01T00:00:00Z.
inline int64_t milliseconds_of(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

/// "2026-11-30T22:38:32.120Z"
std::string utc_text(int64_t milliseconds);

/// Reads a date ("2026-11-30", its midnight) or a time of RFC 3339 §5.6 in UTC
/// ("2026-11-30T22:38:32Z", with or without a fraction, of which three digits count). Nothing when
/// it is neither, or there is no such day.
std::optional<int64_t> parse_utc(std::string_view text);

}  // namespace farspan
