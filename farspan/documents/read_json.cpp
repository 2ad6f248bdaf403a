// SPDX-License-Identifier: Apache-2.0
// JSON → Value (RFC 8259).
//
// A reader of our own, because a fault must say its line and column without repeating the text (it
// may be a key), and because repeated members and numbers as they were written must be seen.
//
// The depth is bounded by ValueBuilder, so recursion is.
#include <algorithm>
#include <cstdint>

#include "farspan/documents/documents.h"
#include "farspan/documents/value.h"

namespace farspan::documents {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& text, uint32_t code) {
  const auto add = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  /// The one value that the text is.
  bool read(Value& root) {
    if (!value()) return false;
    skip_blanks();
    if (at_ != text_.size()) return fail("is not JSON: the document has ended before this");
    root = builder_.take();
    return true;
  }
  const Unreadable& fault() const { return fault_; }

 private:
  // The faults know nothing of the text but its places.
  bool fail(const char* what, size_t at) {
    fault_ = {mark_at(at), what, "correct it"};
    return false;
  }
  bool fail(const char* what) {
    return fail(at_ == text_.size() ? "is not JSON: it ends too early" : what, at_);
  }
  bool checked(bool is_within_bounds, Mark mark) {
    if (!is_within_bounds) fault_ = {mark, builder_.why(), "make it smaller"};
    return is_within_bounds;
  }

  // Places are asked for in ascending order, but for those of faults.
  Mark mark_at(size_t at) {
    if (at < counted_) counted_ = line_start_ = 0, line_ = 1;
    for (; counted_ < at; ++counted_) {
      if (text_[counted_] != '\n') continue;
      ++line_;
      line_start_ = counted_ + 1;
    }
    return {line_, static_cast<int>(at - line_start_) + 1};
  }

  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool takes(char wanted) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  bool value() {
    skip_blanks();
    if (at_ == text_.size()) return fail("");
    const Mark mark = mark_at(at_);
    const char first = text_[at_];
    if (first == '{') return map(mark);
    if (first == '[') return list(mark);
    if (first == '"') {
      std::string text;
      return string(text) &&
             checked(builder_.scalar(Value::Kind::kString, std::move(text), mark), mark);
    }
    if (first == '-' || is_digit(first)) return number(mark);
    for (const std::string_view word : {"true", "false", "null"}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      const bool is_null = word == "null";
      return checked(builder_.scalar(is_null ? Value::Kind::kNull : Value::Kind::kBool,
                                     is_null ? "" : std::string(word), mark),
                     mark);
    }
    return fail("is not JSON: a value is expected here");
  }

  bool map(Mark mark) {
    ++at_;
    if (!checked(builder_.begin(Value::Kind::kMap, mark), mark)) return false;
    if (takes('}')) return checked(builder_.end(), mark);
    do {
      skip_blanks();
      if (at_ == text_.size() || text_[at_] != '"')
        return fail("is not JSON: a name in quotes is expected here");
      const Mark key_mark = mark_at(at_);
      std::string key;
      if (!string(key) || !checked(builder_.key(std::move(key), key_mark), key_mark)) return false;
      if (!takes(':')) return fail("is not JSON: ':' is expected here");
      if (!value()) return false;
    } while (takes(','));
    if (!takes('}')) return fail("is not JSON: ',' or '}' is expected here");
    return checked(builder_.end(), mark);
  }

  bool list(Mark mark) {
    ++at_;
    if (!checked(builder_.begin(Value::Kind::kList, mark), mark)) return false;
    if (takes(']')) return checked(builder_.end(), mark);
    do {
      if (!value()) return false;
    } while (takes(','));
    if (!takes(']')) return fail("is not JSON: ',' or ']' is expected here");
    return checked(builder_.end(), mark);
  }

  // RFC 8259 §6. The text is kept as it stands.
  bool number(Mark mark) {
    const size_t start = at_;
    const auto digits = [&] {
      const size_t first = at_;
      while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
      return at_ - first;
    };
    const auto next_is = [&](std::string_view any) {
      return at_ < text_.size() && any.find(text_[at_]) != any.npos;
    };
    if (next_is("-")) ++at_;
    const bool has_leading_zero = next_is("0");
    const size_t whole = digits();
    if (whole == 0 || (has_leading_zero && whole > 1))
      return fail("is not JSON: a number has no leading zero and at least one digit", start);
    if (next_is(".")) {
      ++at_;
      if (digits() == 0) return fail("is not JSON: a digit is expected here");
    }
    if (next_is("eE")) {
      ++at_;
      if (next_is("+-")) ++at_;
      if (digits() == 0) return fail("is not JSON: a digit is expected here");
    }
    return checked(
        builder_.scalar(Value::Kind::kNumber, std::string(text_.substr(start, at_ - start)), mark),
        mark);
  }

  // RFC 8259 §7.
  bool string(std::string& out) {
    for (++at_; at_ < text_.size() && text_[at_] != '"';) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c < 0x20) return fail("is not JSON: a string holds a control character");
      if (c == '\\') {
        if (!escape(out)) return false;
      } else {
        out += text_[at_++];
      }
    }
    if (at_ == text_.size()) return fail("");
    ++at_;
    return true;
  }

  bool escape(std::string& out) {
    static constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const size_t start = at_++;
    if (at_ == text_.size()) return fail("");
    if (const size_t known = kLetters.find(text_[at_]); known != kLetters.npos) {
      out += kMeanings[known];
      ++at_;
      return true;
    }
    uint32_t code = 0, low = 0;
    if (!unit(code)) return fail("is not JSON: an unknown escape in a string", start);
    if (code >= 0xdc00 && code <= 0xdfff) return fail("is not JSON: half a surrogate pair", start);
    if (code >= 0xd800 && code <= 0xdbff) {
      const bool has_pair = at_ < text_.size() && text_[at_] == '\\' && (++at_, unit(low)) &&
                            low >= 0xdc00 && low <= 0xdfff;
      if (!has_pair) return fail("is not JSON: half a surrogate pair", start);
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
    return true;
  }

  // "u00e4"
  bool unit(uint32_t& code) {
    if (text_.size() - at_ < 5 || text_[at_] != 'u') return false;
    code = 0;
    for (const char c : text_.substr(at_ + 1, 4)) {
      const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
      if (!is_digit(lower) && (lower < 'a' || lower > 'f')) return false;
      code = code << 4 | static_cast<uint32_t>(is_digit(lower) ? lower - '0' : lower - 'a' + 10);
    }
    at_ += 5;
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t counted_ = 0, line_start_ = 0;  // of mark_at()
  int line_ = 1;
  ValueBuilder builder_;
  Unreadable fault_;
};

}  // namespace

ReadValues read_json(std::string_view text) {
  JsonReader reader(text);
  Value root;
  if (!reader.read(root)) return {{}, {reader.fault()}};
  ReadValues read;
  if (root.kind == Value::Kind::kList) {
    read.documents = std::move(root.items);
  } else {
    read.documents.push_back(std::move(root));
  }
  return read;
}

}  // namespace farspan::documents
