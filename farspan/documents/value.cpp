// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/value.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "farspan/documents/documents.h"

namespace farspan::documents {
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

bool ValueBuilder::scalar(Value::Kind kind, std::string text, Mark mark) {
  Value value;
  value.kind = kind;
  value.text = std::move(text);
  value.mark = mark;
  return place(std::move(value));
}

bool ValueBuilder::begin(Value::Kind kind, Mark mark) {
  if (open_.size() >= static_cast<size_t>(kMaxDepth)) {
    why_ = "is nested deeper than " + std::to_string(kMaxDepth);
    return false;
  }
  Value value;
  value.kind = kind;
  value.mark = mark;
  open_.push_back(std::move(value));
  has_key_.push_back(false);
  return true;
}

bool ValueBuilder::key(std::string text, Mark mark) {
  Member member;
  member.key = std::move(text);
  member.mark = mark;
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

const Value* Value::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

Mark mark_of(const Value& value, std::string_view path) {
  Mark mark = value.mark;
  const Value* at = &value;
  while (at != nullptr && !path.empty()) {
    const size_t end = std::min(path.find_first_of(".[", 1), path.size());
    const std::string_view step = path.substr(0, end);
    const Value* next = nullptr;
    if (step.starts_with('[')) {
      size_t index = 0;
      std::from_chars(step.data() + 1, step.data() + step.size(), index);
      if (index < at->items.size()) {
        next = &at->items[index];
        mark = next->mark;
      }
    } else {
      for (const Member& member : at->members) {
        if (member.key != step) continue;
        next = &member.value;
        const bool is_value = next->is_scalar() && next->kind != Value::Kind::kNull;
        mark = is_value ? next->mark : member.mark;
        break;
      }
    }
    at = next;
    path.remove_prefix(end);
    if (path.starts_with('.')) path.remove_prefix(1);
  }
  return mark;
}

}  // namespace farspan::documents
