// SPDX-License-Identifier: Apache-2.0
// Reading: the values of a map → the described members of a part, each checked, each fault told.
//
// Internal to documents/.
#pragma once

#include <array>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "farspan/documents/form.h"
#include "farspan/documents/value.h"
#include "farspan/model/security_group.h"
#include "farspan/model/walk.h"
#include "farspan/net/address.h"

namespace farspan::documents {

/// Takes the faults of one resource and adds where they are.
class FaultSink {
 public:
  /// @param resource  "VSwitch web"; @param type "VSwitch", for "is not a field of VSwitch"
  /// @param map  the map that fields are given from, for their places
  FaultSink(std::string resource, std::string type, std::string_view file, const Value& map,
            Errors& errors)
      : resource_(std::move(resource)),
        type_(std::move(type)),
        file_(file),
        map_(map),
        errors_(errors) {}

  void add(const std::string& field, std::string what, std::string remedy) const {
    add_at(mark_of(map_, field), field, std::move(what), std::move(remedy));
  }
  void add_at(Mark mark, const std::string& field, std::string what, std::string remedy) const;
  const std::string& type() const { return type_; }

 private:
  std::string resource_, type_;
  std::string_view file_;
  const Value& map_;
  Errors& errors_;
};

/// "a.yaml:3:1", "line 3, column 1".
std::string place_text(std::string_view file, Mark mark);

// One value → one member; the fault is told under `path`. Nothing is left when it cannot be read.
struct Scalar {
  const Value& value;
  const model::Field& field;
  const std::string& path;
  const FaultSink& faults;

  std::optional<std::string> text() const;
  std::optional<bool> truth() const;
  /// Within [least, most], the bounds of the member's type.
  std::optional<int64_t> number(int64_t least, int64_t most) const;
  std::optional<uint64_t> whole_number() const;
  std::optional<net::Address> address() const;
  std::optional<net::Prefix> prefix() const;
  std::optional<model::PortRange> ports() const;
  /// Which of `words` is written.
  std::optional<size_t> word(std::span<const std::string_view> words) const;
};

/// The fields of a part by name, for "is not a field of".
struct KnownFields {
  explicit KnownFields(Form read_form) : form(read_form) {}
  void operator()(const model::Field& field, auto&, const auto&...) { add(field); }
  void either(const model::Field& a, const model::Field& b, auto&) {
    add(a);
    add(b);
  }
  void add(const model::Field& field) {
    if (form == Form::kDocument && field.access == model::Access::kGiven) return;
    names.emplace_back(field.name);
    has_secret = has_secret || field.access == model::Access::kSecret;
  }

  Form form;
  std::vector<std::string> names;
  bool has_secret = false;
};

/// Reports what is no field, and what is given twice.
void check_keys(const Value& map, const std::string& inside, const KnownFields& known,
                const FaultSink& faults);

/// Says what is missing, and what it could be.
/// @param noun  "an address", "a list", …
void report_missing(const model::Field& field, const std::string& path, const char* noun,
                    const FaultSink& faults);

bool is_map(const Value& value, const std::string& path, const FaultSink& faults);
bool is_list(const Value& value, const std::string& path, const FaultSink& faults);

class FieldReader {
 public:
  /// @param map  what was written, or null when the whole part was left out
  FieldReader(const Value* map, std::string inside, Form form, const FaultSink& faults)
      : map_(map), inside_(std::move(inside)), form_(form), faults_(faults) {}

  template <class Member>
  void operator()(const model::Field& field, Member& member) {
    const std::string path = path_of(field);
    const Value* value = written(field);
    if constexpr (model::kIsList<Member>) {
      read_list(value, field, path, member);
    } else if constexpr (model::Described<Member>) {
      if (value == nullptr || is_map(*value, path, faults_)) read_part(value, path, member);
    } else if (value != nullptr) {
      read_one({*value, field, path, faults_}, member);
    } else if (field.is_required && is_in_form(field)) {
      report_missing(field, path, noun_for<Member>(), faults_);
    }
  }

  template <class Member, class Given, size_t kCount>
  void operator()(const model::Field& field, Member& member,
                  const model::Words<Given, kCount>& words) {
    const Value* value = written(field);
    if (value == nullptr) return;
    std::array<std::string_view, kCount> texts;
    for (size_t i = 0; i < kCount; ++i) texts[i] = words[i].word;
    if (const auto chosen = Scalar{*value, field, path_of(field), faults_}.word(texts))
      member = words[*chosen].value;
  }

  template <class... Alternatives>
  void either(const model::Field& a, const model::Field& b, std::variant<Alternatives...>& member) {
    const Value *first = written(a), *second = written(b);
    if ((first == nullptr) == (second == nullptr)) {
      const bool has_none = first == nullptr;
      faults_.add(inside_,
                  std::string(has_none ? "has neither " : "has both ") + a.name +
                      (has_none ? " nor " : " and ") + b.name,
                  "give exactly one of them");
    } else if (first != nullptr) {
      read_one({*first, a, path_of(a), faults_}, member.template emplace<0>());
    } else {
      read_one({*second, b, path_of(b), faults_}, member.template emplace<1>());
    }
  }

 private:
  std::string path_of(const model::Field& field) const {
    return inside_.empty() ? field.name : inside_ + "." + field.name;
  }
  bool is_in_form(const model::Field& field) const {
    return form_ == Form::kStored || field.access != model::Access::kGiven;
  }
  // The value of the field; null is as good as nothing, and so is an empty text.
  const Value* written(const model::Field& field) const {
    const Value* value = map_ != nullptr && is_in_form(field) ? map_->find(field.name) : nullptr;
    if (value == nullptr || value->kind == Value::Kind::kNull) return nullptr;
    const bool is_text = value->kind == Value::Kind::kPlain || value->kind == Value::Kind::kString;
    return is_text && value->text.empty() ? nullptr : value;
  }

  template <class Part>
  void read_part(const Value* map, const std::string& path, Part& part) {
    if (map != nullptr) {
      KnownFields known(form_);
      describe(known, part);
      check_keys(*map, path, known, faults_);
    }
    FieldReader reader(map, path, form_, faults_);
    describe(reader, part);
  }

  template <class Item>
  void read_list(const Value* list, const model::Field& field, const std::string& path,
                 std::vector<Item>& items) {
    if (list != nullptr && !is_list(*list, path, faults_)) return;
    if (list == nullptr || list->items.empty()) {
      if (field.is_required) report_missing(field, path, noun_for<std::vector<Item>>(), faults_);
      return;
    }
    for (const Value& value : list->items) {
      const std::string at = path + "[" + std::to_string(items.size()) + "]";
      Item& item = items.emplace_back();
      if constexpr (model::Described<Item>) {
        if (is_map(value, at, faults_)) read_part(&value, at, item);
      } else {
        read_one({value, field, at, faults_}, item);
      }
    }
  }

  template <class Member>
  static void read_one(const Scalar& from, Member& member) {
    const auto set = [&](const auto& value) {
      if (value) member = static_cast<Member>(*value);
    };
    if constexpr (std::is_same_v<Member, std::string>)
      set(from.text());
    else if constexpr (std::is_same_v<Member, bool>)
      set(from.truth());
    else if constexpr (std::is_same_v<Member, uint64_t>)
      set(from.whole_number());
    else if constexpr (std::is_integral_v<Member>)
      set(from.number(std::numeric_limits<Member>::min(), std::numeric_limits<Member>::max()));
    else if constexpr (std::is_same_v<Member, net::Address>)
      set(from.address());
    else if constexpr (std::is_same_v<Member, net::Prefix>)
      set(from.prefix());
    else if constexpr (std::is_same_v<Member, model::PortRange>)
      set(from.ports());
    else if (const auto prefix = from.prefix())
      member = *prefix;  // optional
  }

  template <class Member>
  static constexpr const char* noun_for() {
    if constexpr (model::kIsList<Member>) return "a list";
    if constexpr (std::is_same_v<Member, net::Address>) return "an address";
    if constexpr (std::is_same_v<Member, net::Prefix>) return "a prefix";
    return "a value";
  }

  const Value* map_;
  std::string inside_;
  Form form_;
  const FaultSink& faults_;
};

/// Reads `map` into `part`: every described field of it, and nothing else.
template <class Part>
void read_fields(const Value* map, Form form, const FaultSink& faults, Part& part) {
  if (map != nullptr && map->kind == Value::Kind::kNull) map = nullptr;
  if (map != nullptr && !is_map(*map, "", faults)) return;
  if (map != nullptr) {
    KnownFields known(form);
    describe(known, part);
    check_keys(*map, "", known, faults);
  }
  FieldReader reader(map, "", form, faults);
  describe(reader, part);
}

}  // namespace farspan::documents
