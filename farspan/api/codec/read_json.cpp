// SPDX-License-Identifier: Apache-2.0
// JSON → Value by the streaming interface of nlohmann's parser: it does not recurse, and repeated
// keys are seen.
#include <iterator>
#include <nlohmann/json.hpp>

#include "farspan/api/codec/documents.h"
#include "farspan/api/codec/value.h"

namespace farspan::api::codec {
namespace {

// The parser does not say where it is, so the iterator it reads through counts the lines.
class LineCountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  LineCountingIterator(const char* at, int* line) : at_(at), line_(line) {}
  reference operator*() const { return *at_; }
  LineCountingIterator& operator++() {
    if (*at_ == '\n') ++*line_;
    ++at_;
    return *this;
  }
  LineCountingIterator operator++(int) {
    LineCountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const LineCountingIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  int* line_;
};

class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Reader(const int& line) : line_(line) {}

  bool null() override { return builder_.scalar(Value::Kind::kNull, "", line_); }
  bool boolean(bool is_true) override {
    return builder_.scalar(Value::Kind::kBool, is_true ? "true" : "false", line_);
  }
  bool number_integer(number_integer_t number) override {
    return this->number(std::to_string(number));
  }
  bool number_unsigned(number_unsigned_t number) override {
    return this->number(std::to_string(number));
  }
  bool number_float(number_float_t, const string_t& text) override { return number(text); }
  bool string(string_t& text) override {
    return builder_.scalar(Value::Kind::kString, std::move(text), line_);
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return builder_.begin(Value::Kind::kMap, line_); }
  bool key(string_t& text) override { return builder_.key(std::move(text), line_); }
  bool end_object() override { return builder_.end(); }
  bool start_array(size_t) override { return builder_.begin(Value::Kind::kList, line_); }
  bool end_array() override { return builder_.end(); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    const std::string_view what =
        error.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
    const size_t colon = what.find(": ");
    why_ = "is not JSON: " +
           std::string(colon == std::string_view::npos ? what : what.substr(colon + 2));
    return false;
  }

  std::string why() const { return why_.empty() ? builder_.why() : why_; }
  Value take() { return builder_.take(); }

 private:
  bool number(std::string text) {
    return builder_.scalar(Value::Kind::kNumber, std::move(text), line_);
  }

  const int& line_;
  ValueBuilder builder_;
  std::string why_;
};

}  // namespace

Result<std::vector<Value>> read_json(std::string_view text) {
  int line = 1;
  Reader reader(line);
  const LineCountingIterator begin(text.data(), &line), end(text.data() + text.size(), &line);
  if (!nlohmann::json::sax_parse(begin, end, &reader)) {
    return Error{ErrorCode::kInvalid, "", "line " + std::to_string(line), reader.why(),
                 "correct it"};
  }
  Value root = reader.take();
  if (root.kind == Value::Kind::kList) {
    if (root.items.size() > kMaxDocuments) {
      return Error{ErrorCode::kInvalid, "", "line 1",
                   "holds more than " + std::to_string(kMaxDocuments) + " documents",
                   "split the text"};
    }
    return std::move(root.items);
  }
  std::vector<Value> documents;
  documents.push_back(std::move(root));
  return documents;
}

}  // namespace farspan::api::codec
