// SPDX-License-Identifier: Apache-2.0
#include "farspan/base/utc.h"

#include <cstdio>

namespace farspan {
namespace {

// Takes `count` digits off the front of `text`.
std::optional<int> digits(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = 10 * number + (c - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

// The fraction of a second behind its point, in milliseconds.
std::optional<int> fraction(std::string_view& text) {
  int value = 0, scale = 100;
  size_t count = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    value += scale * (text.front() - '0');
    scale /= 10;
    ++count;
    text.remove_prefix(1);
  }
  return count == 0 ? std::nullopt : std::optional(value);
}

}  // namespace

std::string utc_text(int64_t milliseconds) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::milliseconds> time{
      std::chrono::milliseconds(milliseconds)};
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[48];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

std::optional<int64_t> parse_utc(std::string_view text) {
  const auto year = digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  std::chrono::milliseconds time = std::chrono::sys_days(date).time_since_epoch();
  if (text.empty()) return time.count();

  if (!take(text, 'T')) return std::nullopt;
  const auto hours = digits(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
  const auto minutes = digits(text, 2);
  if (!minutes || *minutes > 59 || !take(text, ':')) return std::nullopt;
  const auto seconds = digits(text, 2);
  if (!seconds || *seconds > 60) return std::nullopt;  // 60: a leap second
  time +=
      std::chrono::hours(*hours) + std::chrono::minutes(*minutes) + std::chrono::seconds(*seconds);
  if (take(text, '.')) {
    const auto part = fraction(text);
    if (!part) return std::nullopt;
    time += std::chrono::milliseconds(*part);
  }
  if (!take(text, 'Z') || !text.empty()) return std::nullopt;
  return time.count();
}

}  // namespace farspan
