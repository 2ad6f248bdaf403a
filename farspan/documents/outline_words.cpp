// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/outline_words.h"

namespace farspan::documents {
namespace {

using Type = FieldOutline::Type;

std::string range_text(const model::Field& field) {
  const std::string most = std::to_string(field.most);
  return field.least > 0 ? std::to_string(field.least) + " to " + most : "at most " + most;
}

// Of one value: "prefix", "name of a Vpc".
std::string noun_of(const FieldOutline& outline) {
  switch (outline.type) {
    case Type::kTruth:
      return "true or false";
    case Type::kNumber:
      return "number";
    case Type::kAddress:
      return "IPv4 address";
    case Type::kPrefix:
      return "IPv4 prefix";
    case Type::kPorts:
      return "port or range of ports";
    case Type::kWord:
      return "word";
    case Type::kLabels:
      return "map of words";
    case Type::kPart:
      return "fields of its own";
    case Type::kText:
      break;
  }
  const char* const kind = outline.field.refers_to;
  return kind == nullptr ? "text" : std::string("name of ") + (*kind == 'I' ? "an " : "a ") + kind;
}

std::string bounds_of(const FieldOutline& outline) {
  const model::Field& field = outline.field;
  if (!field.has_bounds()) return {};
  if (outline.is_list || outline.type == Type::kLabels)
    return ", " + range_text(field) + " of them";
  if (outline.type == Type::kText) return ", " + range_text(field) + " characters";
  return ", " + range_text(field) + (*field.unit == '\0' ? "" : std::string(" ") + field.unit);
}

Json example_of(const FieldOutline& outline) {
  if (outline.is_list) {
    FieldOutline item = outline;
    item.is_list = false;
    return Json::array({example_of(item)});
  }
  if (outline.type != Type::kPart) return outline.field.example;
  Json object = Json::object();
  for (const FieldOutline& part : outline.parts) {
    const bool is_first_of_two = !part.instead_of.empty() && !object.contains(part.instead_of);
    if (part.field.is_required || is_first_of_two) object[part.field.name] = example_of(part);
  }
  return object;
}

}  // namespace

std::string type_text(const FieldOutline& outline) {
  const model::Field& field = outline.field;
  std::string text =
      (outline.is_list ? "list, each: " : "") + noun_of(outline) + bounds_of(outline);
  if (field.punctuation != nullptr && outline.type == Type::kText)
    text += ", of letters, digits and " + std::string(field.punctuation);
  if (field.access == model::Access::kSecret) text += "; secret";
  if (field.is_required) text += "; required";
  if (!outline.instead_of.empty()) text += "; either this or " + outline.instead_of;
  return text;
}

std::string default_text(const FieldOutline& outline) {
  if (*outline.field.if_left_out != '\0') return outline.field.if_left_out;
  if (outline.default_value.is_string()) return outline.default_value.get<std::string>();
  return outline.default_value.is_null() ? std::string() : outline.default_value.dump();
}

Json example_of(const KindOutline& kind) {
  Json document = {{"kind", kind.kind}, {"name", "example"}}, spec = Json::object();
  for (const FieldOutline& outline : kind.fields) {
    const bool is_list_of_parts = outline.is_list && !outline.parts.empty();
    if (outline.field.is_required || is_list_of_parts)
      spec[outline.field.name] = example_of(outline);
  }
  if (!spec.empty()) document["spec"] = std::move(spec);
  return document;
}

}  // namespace farspan::documents
