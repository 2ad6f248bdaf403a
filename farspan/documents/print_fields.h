// SPDX-License-Identifier: Apache-2.0
// The described members of a part → a JSON object.
//
// Internal to documents/.
#pragma once

#include "farspan/documents/print.h"
#include "farspan/model/walk.h"

namespace farspan::documents {

class FieldPrinter {
 public:
  explicit FieldPrinter(Form form) : form_(form) {}

  template <class Member>
  void operator()(const model::Field& field, const Member& member) {
    const bool is_shown = field.access == model::Access::kDeclared || form_ == Form::kStored;
    if (is_shown) add(field, value_of(member));
  }
  template <class Member, size_t kCount>
  void operator()(const model::Field& field, const Member& member,
                  const model::Words<Member, kCount>& words) {
    add(field, std::string(word_of(words, member)));
  }
  void either(const model::Field& a, const model::Field& b, const auto& member) {
    if (member.index() == 0)
      add(a, value_of(std::get<0>(member)));
    else
      add(b, value_of(std::get<1>(member)));
  }

  Json take() { return std::move(object_); }

 private:
  void add(const model::Field& field, Json value) {
    const bool is_empty = (value.is_string() && value.get_ref<const std::string&>().empty()) ||
                          (value.is_structured() && value.empty());
    if (!is_empty) object_[field.name] = std::move(value);
  }

  template <class Member>
  Json value_of(const Member& member) const {
    if constexpr (model::kIsList<Member>) {
      Json list = Json::array();
      for (const auto& item : member) list.push_back(value_of(item));
      return list;
    } else if constexpr (model::Described<const Member>) {
      FieldPrinter printer(form_);
      describe(printer, member);
      return printer.take();
    } else if constexpr (requires { member.has_value(); }) {
      return member ? value_of(*member) : Json("");
    } else if constexpr (requires { member.text(); }) {
      return member.text();
    } else {
      return member;
    }
  }

  Form form_;
  Json object_ = Json::object();
};

}  // namespace farspan::documents
