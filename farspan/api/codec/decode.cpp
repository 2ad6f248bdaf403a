// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/codec/decode.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "farspan/api/codec/kind_names.h"

namespace farspan::api::codec {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kMaxStringBytes = 1024;
constexpr int kMaxListItems = 10'000;

const char* name_of(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kNull:
      return "nothing";
    case Value::Kind::kBool:
      return "a truth value";
    case Value::Kind::kNumber:
      return "a number";
    case Value::Kind::kPlain:
      return "a word";
    case Value::Kind::kString:
      return "a string";
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

bool has_control_character(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::optional<std::string> read_string(const Value& value, const std::string& field,
                                       const DecodeFaults& faults) {
  if (value.kind != Value::Kind::kPlain && value.kind != Value::Kind::kString) {
    faults.add(field, std::string("is ") + name_of(value.kind) + " instead of a string",
               value.is_scalar() ? "write it in quotes" : "write one value");
    return std::nullopt;
  }
  if (value.text.size() > kMaxStringBytes) {
    faults.add(field, "has " + std::to_string(value.text.size()) + " bytes",
               "use at most " + std::to_string(kMaxStringBytes));
    return std::nullopt;
  }
  if (has_control_character(value.text)) {
    faults.add(field, "holds control characters", "write it in one line of plain text");
    return std::nullopt;
  }
  return value.text;
}

std::optional<uint32_t> read_number(const Value& value, const std::string& field,
                                    const DecodeFaults& faults) {
  const bool may_be_number =
      value.kind == Value::Kind::kNumber || value.kind == Value::Kind::kPlain;
  uint32_t number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [at, error] = std::from_chars(value.text.data(), end, number);
  if (!may_be_number || error != std::errc{} || at != end) {
    faults.add(field,
               may_be_number ? value.text.substr(0, 64) + " is not a whole number"
                             : std::string("is ") + name_of(value.kind) + " instead of a number",
               "write a number without sign and quotes");
    return std::nullopt;
  }
  if (number == 0) {  // in the schema 0 is "not given"
    faults.add(field, "0 is out of range", "leave it out for the default");
    return std::nullopt;
  }
  return number;
}

std::optional<bool> read_bool(const Value& value, const std::string& field,
                              const DecodeFaults& faults) {
  const bool may_be_bool = value.kind == Value::Kind::kBool || value.kind == Value::Kind::kPlain;
  if (may_be_bool && (value.text == "true" || value.text == "false")) return value.text == "true";
  faults.add(
      field,
      (may_be_bool ? value.text.substr(0, 64) + " is" : std::string("is ") + name_of(value.kind)) +
          (may_be_bool ? " not a truth value" : " instead of a truth value"),
      "write true or false");
  return std::nullopt;
}

void report_unknown(const Member& member, const std::string& field, const Message& message,
                    const DecodeFaults& faults) {
  std::vector<std::string> known;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i)
    known.push_back(message.GetDescriptor()->field(i)->name());
  std::string all;
  for (const std::string& name : known) all += (all.empty() ? "" : ", ") + name;
  const auto meant = nearest(member.key, known);
  faults.add(field, "is not a field of " + faults.type,
             known.empty() ? "leave it out; there are no fields"
             : meant       ? "write " + *meant + "; the fields are " + all
                           : "the fields are " + all);
}

void decode_list(const Value& list, const std::string& path, const FieldDescriptor& field,
                 Message& message, const DecodeFaults& faults) {
  if (list.kind != Value::Kind::kList) {
    faults.add(path, std::string("is ") + name_of(list.kind) + " instead of a list",
               "write it in brackets: [a, b]");
    return;
  }
  if (list.items.size() > static_cast<size_t>(kMaxListItems)) {
    faults.add(path, "has " + std::to_string(list.items.size()) + " items",
               "use at most " + std::to_string(kMaxListItems));
    return;
  }
  const auto& reflection = *message.GetReflection();
  for (size_t i = 0; i < list.items.size(); ++i) {
    const Value& item = list.items[i];
    const std::string at = path + "[" + std::to_string(i) + "]";
    faults.lines.emplace(at, item.line);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      decode(item, at, *reflection.AddMessage(&message, &field), faults);
    } else if (const auto text =
                   read_string(item, at, faults)) {  // the only other lists of the schema
      reflection.AddString(&message, &field, *text);
    }
  }
}

void decode_field(const Value& value, const std::string& path, const FieldDescriptor& field,
                  Message& message, const DecodeFaults& faults) {
  const auto& reflection = *message.GetReflection();
  if (field.is_repeated()) return decode_list(value, path, field, message, faults);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return decode(value, path, *reflection.MutableMessage(&message, &field), faults);
    case FieldDescriptor::CPPTYPE_UINT32:
      if (const auto number = read_number(value, path, faults))
        reflection.SetUInt32(&message, &field, *number);
      return;
    case FieldDescriptor::CPPTYPE_BOOL:
      if (const auto truth = read_bool(value, path, faults))
        reflection.SetBool(&message, &field, *truth);
      return;
    default:
      if (const auto text = read_string(value, path, faults))
        reflection.SetString(&message, &field, *text);
  }
}

}  // namespace

void decode(const Value& value, const std::string& path, Message& message,
            const DecodeFaults& faults) {
  if (value.kind == Value::Kind::kNull) return;
  if (value.kind != Value::Kind::kMap) {
    faults.add(path.empty() ? "spec" : path,
               std::string("is ") + name_of(value.kind) + " instead of a map",
               "write its fields as name: value");
    return;
  }
  std::set<std::string_view> seen;
  for (const Member& member : value.members) {
    // A key may be anything; a path that is shown must be short and plain.
    const bool is_sane = member.key.size() <= 64 && !has_control_character(member.key);
    const std::string name = is_sane ? member.key : "(a key)";
    const std::string at = path.empty() ? name : path + "." + name;
    faults.lines.emplace(at, member.line);
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(member.key);
    if (field == nullptr) {
      report_unknown(member, at, message, faults);
    } else if (!seen.insert(member.key).second) {
      faults.add(at, "is given twice", "write it once");
    } else if (member.value.kind != Value::Kind::kNull) {
      decode_field(member.value, at, *field, message, faults);
    }
  }
}

}  // namespace farspan::api::codec
