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
constexpr size_t kLongWord = 30;  // a longer one is cut when it must be

// `text` in lines of at most `width` columns, folded at blanks, in words only when one is longer.
std::vector<std::string> folded(const std::string& text, size_t width) {
  std::vector<std::string> lines{""};
  size_t used = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find(' ', at);
    end = end == std::string::npos ? text.size()
                                   : std::min(text.find_first_not_of(' ', end), text.size());
    std::string word = text.substr(at, end - at);
    at = end;
    const std::string bare = word.substr(0, word.find(' '));
    if (used > 0 && used + width_of(bare) > width) {
      lines.emplace_back();
      used = 0;
    }
    for (size_t i = 0; i < word.size();) {  // by code points
      size_t next = i + 1;
      while (next < word.size() && (static_cast<unsigned char>(word[next]) & 0xc0) == 0x80) ++next;
      if (used == width && word[i] != ' ') {
        lines.emplace_back();
        used = 0;
      }
      if (used < width) {
        lines.back().append(word, i, next - i);
        ++used;
      }
      i = next;
    }
  }
  for (std::string& line : lines) line.erase(line.find_last_not_of(' ') + 1);
  return lines;
}

size_t longest_word(const std::string& text) {
  size_t longest = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    longest = std::max(longest, width_of(text.substr(at, end - at)));
    at = end + 1;
  }
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
      least[i] = std::max(least[i], std::min(longest_word(row[i].text), kLongWord));
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
