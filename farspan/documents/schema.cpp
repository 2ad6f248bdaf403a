// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/schema.h"

#include "farspan/documents/outline.h"

namespace farspan::documents {
namespace {

using Type = FieldOutline::Type;

constexpr const char* kByte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

std::string address_pattern() {
  std::string pattern = kByte;
  for (int i = 0; i < 3; ++i) pattern += std::string("\\.") + kByte;
  return pattern;
}

// "^[A-Za-z0-9._-]*$"
std::string text_pattern(const char* punctuation) {
  std::string pattern = "^[A-Za-z0-9";
  for (const char c : std::string_view(punctuation)) {
    if (std::string_view("\\[]^-").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern + "]*$";
}

Json part_schema(const std::vector<FieldOutline>& fields);

Json text_schema(const FieldOutline& outline) {
  const model::Field& field = outline.field;
  Json schema = {{"type", "string"}};
  const bool is_name = field.refers_to != nullptr || std::string_view(field.name) == "name";
  if (is_name) {
    schema["pattern"] = "^[a-z][a-z0-9\\-]*$";
    schema["maxLength"] = model::limits::kNameLength;
    return schema;
  }
  if (field.most > 0) schema["maxLength"] = field.most;
  if (field.punctuation != nullptr) schema["pattern"] = text_pattern(field.punctuation);
  return schema;
}

Json number_schema(const model::Field& field) {
  Json schema = {{"type", "integer"}};
  if (field.has_bounds()) {
    schema["minimum"] = field.least;
    schema["maximum"] = field.most;
  }
  return schema;
}

Json word_schema(const FieldOutline& outline) {
  Json words = Json::array();
  for (const auto& known : outline.words) words.push_back(known.word);
  return {{"type", "string"}, {"enum", std::move(words)}};
}

Json labels_schema(const model::Field& field) {
  Json word = {{"type", "string"},
               {"pattern", text_pattern(field.punctuation)},
               {"maxLength", model::limits::kLabelLength}};
  Json name = word;
  name["minLength"] = 1;
  return {{"type", "object"},
          {"propertyNames", std::move(name)},
          {"additionalProperties", std::move(word)},
          {"maxProperties", field.most}};
}

Json value_schema(const FieldOutline& outline) {
  switch (outline.type) {
    case Type::kText:
      return text_schema(outline);
    case Type::kTruth:
      return {{"type", "boolean"}};
    case Type::kNumber:
      return number_schema(outline.field);
    case Type::kAddress:
      return {{"type", "string"}, {"format", "ipv4"}, {"pattern", "^" + address_pattern() + "$"}};
    case Type::kPrefix:
      return {{"type", "string"}, {"pattern", "^" + address_pattern() + "/(3[0-2]|[12]?[0-9])$"}};
    case Type::kPorts:
      return {{"type", "string"}, {"pattern", "^([1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?)?$"}};
    case Type::kWord:
      return word_schema(outline);
    case Type::kLabels:
      return labels_schema(outline.field);
    case Type::kPart:
      break;
  }
  return part_schema(outline.parts);
}

Json field_schema(const FieldOutline& outline) {
  const model::Field& field = outline.field;
  Json schema = value_schema(outline);
  if (outline.is_list) {
    schema = {{"type", "array"}, {"items", std::move(schema)}};
    if (field.least > 0) schema["minItems"] = field.least;
    if (field.most > 0) schema["maxItems"] = field.most;
  }
  schema["description"] = field.says;
  if (!outline.default_value.is_null()) schema["default"] = outline.default_value;
  if (field.access == model::Access::kSecret) schema["writeOnly"] = true;
  if (field.refers_to != nullptr) schema["x-farspan-refers-to"] = field.refers_to;
  if (*field.unit != '\0') schema["x-farspan-unit"] = field.unit;
  return schema;
}

Json part_schema(const std::vector<FieldOutline>& fields) {
  Json properties = Json::object(), required = Json::array(), alternatives = Json::array();
  for (const FieldOutline& outline : fields) {
    properties[outline.field.name] = field_schema(outline);
    if (outline.field.is_required) required.push_back(outline.field.name);
    if (!outline.instead_of.empty())
      alternatives.push_back({{"required", Json::array({outline.field.name})}});
  }
  Json schema = {
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  if (!alternatives.empty()) schema["oneOf"] = std::move(alternatives);
  return schema;
}

Json kind_schema(const KindOutline& kind) {
  Json properties = {{"kind", {{"type", "string"}, {"const", kind.kind}}}};
  for (const FieldOutline& outline : meta_outline())
    properties[outline.field.name] = field_schema(outline);
  Json required = Json::array({"kind", "name"});
  Json spec = part_schema(kind.fields);
  if (spec.contains("required")) required.push_back("spec");
  properties["spec"] = std::move(spec);
  properties["id"] = {{"type", "string"}, {"readOnly", true}};
  properties["number"] = {{"type", "integer"}, {"readOnly", true}};
  for (const char* time : {"created_at", "updated_at"})
    properties[time] = {{"type", "string"}, {"format", "date-time"}, {"readOnly", true}};
  properties["revision"] = {{"type", "integer"}, {"readOnly", true}};
  properties["status"] = {{"type", "object"}, {"readOnly", true}};
  return {{"type", "object"},
          {"description", kind.says},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

}  // namespace

Json resource_schemas() {
  Json schemas = Json::object(), choices = Json::array(), mapping = Json::object();
  for (const KindOutline& kind : kind_outlines()) {
    const std::string reference = "#/components/schemas/" + kind.kind;
    choices.push_back({{"$ref", reference}});
    mapping[kind.kind] = reference;
    schemas[kind.kind] = kind_schema(kind);
  }
  schemas["Resource"] = {
      {"oneOf", std::move(choices)},
      {"discriminator", {{"propertyName", "kind"}, {"mapping", std::move(mapping)}}}};
  return schemas;
}

}  // namespace farspan::documents
