// SPDX-License-Identifier: Apache-2.0
#include "farspan/cli/table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "farspan/base/check.h"

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

bool has_colour(Stream stream) {
  static const bool is_wanted = std::getenv("NO_COLOR") == nullptr;
  return is_wanted && ::isatty(stream == Stream::kErrors ? STDERR_FILENO : STDOUT_FILENO) == 1;
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

std::string painted(const std::string& text, Colour colour, Stream stream) {
  if (colour == Colour::kNone || !has_colour(stream)) return visible(text);
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
constexpr size_t kIndent = 4;  // of what stands below its row
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

size_t total_of(const std::vector<size_t>& widths) {
  size_t total = widths.empty() ? 0 : kGap * (widths.size() - 1);
  for (const size_t width : widths) total += width;
  return total;
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

void print_note(std::ostream& out, const std::string& text, Colour colour, size_t columns) {
  for (const std::string& line : folded(visible(text), columns == 0 ? text.size() : columns))
    out << painted(line, colour) << "\n";
}

size_t Table::place_of(const std::string& column) const {
  const auto found = std::find(header_.begin(), header_.end(), column);
  FS_CHECK(found != header_.end());
  return static_cast<size_t>(found - header_.begin());
}

std::vector<size_t> Table::widths(const std::vector<size_t>& beside, size_t columns) const {
  std::vector<size_t> widths, least;
  for (const size_t place : beside) {
    widths.push_back(width_of(header_[place]));
    least.push_back(width_of(header_[place]));
    for (const auto& row : rows_) {
      if (place >= row.size()) continue;
      widths.back() = std::max(widths.back(), width_of(row[place].text));
      least.back() = std::max(least.back(), least_width(row[place].text));
    }
  }
  size_t total = total_of(widths);
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

Table::Layout Table::layout(size_t columns) const {
  Layout layout;
  for (size_t place = 0; place < header_.size(); ++place) layout.beside.push_back(place);
  for (const size_t place : movable_) {
    if (columns == 0 || total_of(widths(layout.beside, 0)) <= columns) break;
    std::erase(layout.beside, place);
    layout.below.push_back(place);
  }
  layout.widths = widths(layout.beside, columns);
  for (const size_t place : spare_) {
    if (columns == 0 || total_of(layout.widths) <= columns) break;
    std::erase(layout.beside, place);
    layout.widths = widths(layout.beside, columns);
  }
  return layout;
}

void Table::print(std::ostream& out, size_t columns) const {
  const Layout shown = layout(columns);
  const std::vector<size_t>& width = shown.widths;
  const auto print_row = [&](const auto& cell_at) {
    std::vector<std::vector<std::string>> lines;
    size_t height = 0;
    for (size_t i = 0; i < width.size(); ++i) {
      lines.push_back(folded(cell_at(shown.beside[i]).text, width[i]));
      height = std::max(height, lines.back().size());
    }
    for (size_t line = 0; line < height; ++line) {
      size_t owed = 0;  // blanks, only when something follows them
      for (size_t i = 0; i < width.size(); ++i) {
        const std::string text = line < lines[i].size() ? lines[i][line] : "";
        if (!text.empty())
          out << std::string(owed, ' ') << painted(text, cell_at(shown.beside[i]).colour);
        owed = text.empty() ? owed + width[i] + kGap : width[i] - width_of(text) + kGap;
      }
      out << "\n";
    }
  };
  print_row([&](size_t place) { return Cell(header_[place], Colour::kDim); });
  for (const auto& row : rows_) {
    const auto cell_at = [&](size_t place) { return place < row.size() ? row[place] : Cell(""); };
    print_row(cell_at);
    for (const size_t place : shown.below) {
      if (cell_at(place).text.empty()) continue;
      for (const std::string& line : folded(cell_at(place).text, columns - kIndent))
        out << std::string(kIndent, ' ') << painted(line, cell_at(place).colour) << "\n";
    }
  }
}

}  // namespace farspan::cli
