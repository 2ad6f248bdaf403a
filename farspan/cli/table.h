// SPDX-License-Identifier: Apache-2.0
// Table: rows for people: columns as wide as their widest cell, a dim header, colour only on a
// terminal.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace farspan::cli {

enum class Colour { kNone, kDim, kBold, kGreen, kYellow, kRed };

/// True when standard output is a terminal and NO_COLOR is not set.
bool has_colour();

/// `text` in `colour`, or as it is when colours are off.
std::string painted(const std::string& text, Colour colour);

/// Columns `text` takes on a terminal: UTF-8 code points (the box characters used here are one
/// column wide).
size_t width_of(const std::string& text);

struct Cell {
  Cell(std::string t, Colour c = Colour::kNone)
      : text(std::move(t)), colour(c) {}  // NOLINT: implicit by design
  Cell(const char* t) : text(t) {}        // NOLINT: implicit by design
  std::string text;
  Colour colour = Colour::kNone;
};

class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  void print(std::ostream& out) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace farspan::cli
