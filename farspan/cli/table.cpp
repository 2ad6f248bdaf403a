// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/table.h"

#include <sys/ioctl.h>
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

// C0, DEL, and C1 as UTF-8 has them (U+0080 to U+009F).
std::string visible(std::string text) {
  std::string shown;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : '\0');
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;
    shown += byte < 0x20 || byte == 0x7f || is_c1 ? '?' : text[i];
    if (is_c1) ++i;
  }
  return shown;
}

std::string painted(const std::string& text, Colour colour) {
  if (colour == Colour::kNone || !has_colour()) return visible(text);
  return sequence_of(colour) + visible(text) + "\033[0m";
}

size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

size_t terminal_columns() {
  winsize size{};
  return ::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0
             ? size.ws_col
             : 0;
}

namespace {

constexpr size_t kGap = 2;
constexpr size_t kShort = 16;  // cells up to this width are never folded
constexpr size_t kLongWord =
    30;  // a longer word is folded behind '/' or ',', else wherever it must

// `text` in the pieces that stay together, each with the blanks behind it.
std::vector<std::string> pieces_of(const std::string& text) {
  std::vector<std::string> pieces;
  for (size_t at = 0; at < text.size();) {
    const size_t blank = std::min(text.find(' ', at), text.size());
    const size_t next = std::min(text.find_first_not_of(' ', blank), text.size());
    if (width_of(text.substr(at, blank - at)) > kLongWord) {
      for (size_t cut = text.find_first_of("/,", at); cut < blank;
           cut = text.find_first_of("/,", at)) {
        pieces.push_back(text.substr(at, cut + 1 - at));
        at = cut + 1;
      }
    }
    pieces.push_back(text.substr(at, next - at));
    at = next;
  }
  return pieces;
}

size_t width_of_piece(const std::string& piece) {
  return width_of(piece.substr(0, piece.find(' ')));
}

// `text` in lines of at most `width` columns; a piece that is longer goes over several.
std::vector<std::string> folded(const std::string& text, size_t width) {
  std::vector<std::string> lines{""};
  size_t used = 0;
  const auto begin_line = [&] {
    lines.emplace_back();
    used = 0;
  };
  for (const std::string& piece : pieces_of(text)) {
    if (used > 0 && used + width_of_piece(piece) > width) begin_line();
    for (size_t i = 0; i < piece.size();) {  // by code points
      size_t next = i + 1;
      while (next < piece.size() && (static_cast<unsigned char>(piece[next]) & 0xc0) == 0x80)
        ++next;
      if (used == width && piece[i] != ' ') begin_line();
      if (used < width) {
        lines.back().append(piece, i, next - i);
        ++used;
      }
      i = next;
    }
  }
  for (std::string& line : lines) line.erase(line.find_last_not_of(' ') + 1);
  return lines;
}

// The narrowest column in which `text` can stand without being hard to read.
size_t least_width(const std::string& text) {
  if (width_of(text) <= kShort) return width_of(text);
  size_t longest = 0;
  for (const std::string& piece : pieces_of(text))
    longest = std::max(longest, std::min(width_of_piece(piece), kLongWord));
  return longest;
}

}  // namespace

std::vector<size_t> Table::widths(size_t columns) const {
  std::vector<size_t> widths, least;
  for (const auto& name : header_) {
    widths.push_back(width_of(name));
    least.push_back(width_of(name));
  }
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(row[i].text));
      least[i] = std::max(least[i], least_width(row[i].text));
    }
  }
  size_t total = widths.empty() ? 0 : kGap * (widths.size() - 1);
  for (const size_t width : widths) total += width;
  for (; columns != 0 && total > columns; --total) {
    size_t widest = widths.size();
    for (size_t i = 0; i < widths.size(); ++i)
      if (widths[i] > least[i] && (widest == widths.size() || widths[i] > widths[widest]))
        widest = i;
    if (widest == widths.size()) break;
    --widths[widest];
  }
  return widths;
}

void Table::print(std::ostream& out, size_t columns) const {
  const std::vector<size_t> width = widths(columns);
  const auto print_row = [&](const auto& cell_at, size_t cells) {
    std::vector<std::vector<std::string>> lines;
    size_t height = 0;
    for (size_t i = 0; i < cells; ++i) {
      lines.push_back(folded(cell_at(i).text, width[i]));
      height = std::max(height, lines.back().size());
    }
    for (size_t line = 0; line < height; ++line) {
      size_t owed = 0;  // blanks, only when something follows them
      for (size_t i = 0; i < cells; ++i) {
        const std::string text = line < lines[i].size() ? lines[i][line] : "";
        if (!text.empty()) out << std::string(owed, ' ') << painted(text, cell_at(i).colour);
        owed = text.empty() ? owed + width[i] + kGap : width[i] - width_of(text) + kGap;
      }
      out << "\n";
    }
  };
  print_row([&](size_t i) { return Cell(header_[i], Colour::kDim); }, header_.size());
  for (const auto& row : rows_)
    print_row([&](size_t i) { return row[i]; }, std::min(row.size(), header_.size()));
}

}  // namespace farspan::cli
