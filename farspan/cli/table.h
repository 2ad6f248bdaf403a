// SPDX-License-Identifier: Apache-2.0
// Table: rows for people: columns as wide as their widest cell, a dim header, colour only on a
// terminal.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace farspan::cli {

enum class Colour { kNone, kDim, kBold, kGreen, kYellow, kRed };

/// Where text is printed: its colours depend on what is behind it.
enum class Stream { kOutput, kErrors };

/// True when a terminal is behind `stream` and NO_COLOR is not set.
bool has_colour(Stream stream);

/// `text` with '?' for every control character: what nodes, and through them strangers, say must
/// not command the terminal.
std::string visible(std::string text);

/// `text` in `colour`, made visible; without colour when colours are off.
std::string painted(const std::string& text, Colour colour, Stream stream = Stream::kOutput);

/// Columns `text` takes on a terminal: UTF-8 code points (the box characters used here are one
/// column wide).
size_t width_of(const std::string& text);

/// Columns of the terminal behind standard output; 0 when it is none: programs get whole lines.
size_t terminal_columns();

struct Cell {
  Cell(std::string t, Colour c = Colour::kNone)
      : text(visible(std::move(t))), colour(c) {}  // NOLINT: implicit by design
  Cell(const char* t) : text(t) {}                 // NOLINT: implicit by design
  std::string text;
  Colour colour = Colour::kNone;
};

/// Prints a sentence beside tables, folded at blanks into `columns` (0: no limit).
void print_note(std::ostream& out, const std::string& text, Colour colour = Colour::kNone,
                size_t columns = terminal_columns());

class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  /// Lets the column's cells stand under their rows where a row would have to be folded.
  void may_stand_below(const std::string& column) { movable_.push_back(place_of(column)); }
  /// Lets the column be left out where rows do not fit even folded; the first that was named goes
  /// first.
  void may_leave_out(const std::string& column) { spare_.push_back(place_of(column)); }
  /// @param columns  of the terminal: cells of the widest columns are folded at blanks until a row
  /// fits, or no word more can be moved; 0: no limit
  void print(std::ostream& out, size_t columns = terminal_columns()) const;

 private:
  struct Layout {
    std::vector<size_t> beside, below;  // places of columns
    std::vector<size_t> widths;         // of those beside
  };
  size_t place_of(const std::string& column) const;
  Layout layout(size_t columns) const;
  std::vector<size_t> widths(const std::vector<size_t>& beside, size_t columns) const;

  std::vector<std::string> header_;
  std::vector<size_t> spare_, movable_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace farspan::cli
