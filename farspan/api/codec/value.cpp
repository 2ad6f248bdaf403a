// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/codec/value.h"

#include <utility>

#include "farspan/api/codec/documents.h"

namespace farspan::api::codec {
namespace {

constexpr size_t kMaxValues = 4'000'000;  // a value costs about 130 bytes

}  // namespace

bool ValueBuilder::place(Value value) {
  if (++values_ > kMaxValues) {
    why_ = "has more than " + std::to_string(kMaxValues) + " values";
    return false;
  }
  if (open_.empty()) {
    root_ = std::move(value);
    has_root_ = true;
  } else if (open_.back().kind == Value::Kind::kList) {
    open_.back().items.push_back(std::move(value));
  } else {
    open_.back().members.back().value = std::move(value);
    has_key_.back() = false;
  }
  return true;
}

bool ValueBuilder::scalar(Value::Kind kind, std::string text, int line) {
  Value value;
  value.kind = kind;
  value.text = std::move(text);
  value.line = line;
  return place(std::move(value));
}

bool ValueBuilder::begin(Value::Kind kind, int line) {
  if (open_.size() >= static_cast<size_t>(kMaxDepth)) {
    why_ = "is nested deeper than " + std::to_string(kMaxDepth);
    return false;
  }
  Value value;
  value.kind = kind;
  value.line = line;
  open_.push_back(std::move(value));
  has_key_.push_back(false);
  return true;
}

bool ValueBuilder::key(std::string text, int line) {
  Member member;
  member.key = std::move(text);
  member.line = line;
  open_.back().members.push_back(std::move(member));
  has_key_.back() = true;
  return true;
}

bool ValueBuilder::end() {
  Value value = std::move(open_.back());
  open_.pop_back();
  has_key_.pop_back();
  return place(std::move(value));
}

bool ValueBuilder::expects_key() const {
  return !open_.empty() && open_.back().kind == Value::Kind::kMap && !has_key_.back();
}

Value ValueBuilder::take() {
  has_root_ = false;
  return std::move(root_);
}

bool is_utf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || i + length > text.size()) return false;
    uint32_t code = lead & (0xffu >> (length + 1));
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3fu);
    }
    const bool is_shortest = length == 2 || (length == 3 ? code >= 0x800 : code >= 0x10000);
    if (!is_shortest || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    i += length;
  }
  return true;
}

}  // namespace farspan::api::codec
