// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/table.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace farspan::cli {
namespace {

const char* sequence_of(Colour colour) {
  switch (colour) {
    case Colour::kNone:
      return "";
    case Colour::kDim:
      return "\033[2m";
    case Colour::kBold:
      return "\033[1m";
    case Colour::kGreen:
      return "\033[32m";
    case Colour::kYellow:
      return "\033[33m";
    case Colour::kRed:
      return "\033[31m";
  }
  return "";
}

}  // namespace

bool has_colour() {
  static const bool has = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  return has;
}

std::string painted(const std::string& text, Colour colour) {
  if (colour == Colour::kNone || !has_colour()) return text;
  return sequence_of(colour) + text + "\033[0m";
}

size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

void Table::print(std::ostream& out) const {
  std::vector<size_t> widths;
  for (const auto& name : header_) widths.push_back(width_of(name));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i].text));
  }
  const auto print_row = [&](const auto& text_at, const auto& colour_at, size_t cells) {
    for (size_t i = 0; i < cells; ++i) {
      const std::string text = text_at(i);
      out << painted(text, colour_at(i));
      if (i + 1 < cells) out << std::string(widths[i] - width_of(text) + 2, ' ');
    }
    out << "\n";
  };
  print_row([&](size_t i) { return header_[i]; }, [](size_t) { return Colour::kDim; },
            header_.size());
  for (const auto& row : rows_) {
    print_row([&](size_t i) { return row[i].text; }, [&](size_t i) { return row[i].colour; },
              std::min(row.size(), header_.size()));
  }
}

}  // namespace farspan::cli
