// SPDX-License-Identifier: Apache-2.0
// openapi.json: made from the table that requests are dispatched by and from the schema of the
// resources (proto/farspan/v1/resources.proto), so it describes what there is.
#include <google/protobuf/descriptor.h>

#include "farspan/api/json.h"
#include "farspan/api/rest_operation.h"
#include "farspan/v1/resources.pb.h"

namespace farspan::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

Json schema_of(const FieldDescriptor& field, Json& schemas);

// Adds the schema of `message` to `schemas` under its name, and of everything in it.
Json reference_to(const Descriptor& message, Json& schemas) {
  if (!schemas.contains(message.name())) {
    schemas[message.name()] = Json::object();  // before its fields, should one lead back here
    Json properties = Json::object();
    for (int i = 0; i < message.field_count(); ++i)
      properties[message.field(i)->name()] = schema_of(*message.field(i), schemas);
    schemas[message.name()] = {
        {"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  }
  return {{"$ref", "#/components/schemas/" + message.name()}};
}

Json schema_of(const FieldDescriptor& field, Json& schemas) {
  Json one;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      one = {{"type", "boolean"}};
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      one = {{"type", "string"}};
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      one = reference_to(*field.message_type(), schemas);
      break;
    default:
      one = {{"type", "integer"}};
  }
  if (field.is_repeated()) return {{"type", "array"}, {"items", one}};
  return one;
}

Json resource_schema(Json& schemas) {
  const auto* oneof = v1::Resource::descriptor()->oneof_decl(0);
  Json specs = Json::array();
  for (int i = 0; i < oneof->field_count(); ++i)
    specs.push_back(reference_to(*oneof->field(i)->message_type(), schemas));
  return {{"type", "object"},
          {"required", {"kind", "name"}},
          {"properties",
           {{"kind", {{"type", "string"}}},
            {"name", {{"type", "string"}}},
            {"description", {{"type", "string"}}},
            {"spec", {{"oneOf", specs}}},
            {"number", {{"type", "integer"}, {"readOnly", true}}},
            {"revision", {{"type", "integer"}, {"readOnly", true}}},
            {"status", {{"type", "object"}, {"readOnly", true}}}}}};
}

Json error_schema() {
  Json properties = Json::object();
  for (const char* part : {"code", "resource", "field", "what", "remedy"})
    properties[part] = {{"type", "string"}};
  const Json one = {{"type", "object"}, {"properties", properties}};
  return {{"type", "object"}, {"properties", {{"errors", {{"type", "array"}, {"items", one}}}}}};
}

}  // namespace

std::string make_openapi() {
  Json schemas = Json::object();
  schemas["Resource"] = resource_schema(schemas);
  schemas["Errors"] = error_schema();
  Json paths = Json::object();
  for (const auto& operation : operations()) {
    Json parameters = Json::array();
    const std::string_view path = operation.path;
    for (size_t open = path.find('{'); open != path.npos; open = path.find('{', open + 1))
      parameters.push_back({{"name", path.substr(open + 1, path.find('}', open) - open - 1)},
                            {"in", "path"},
                            {"required", true},
                            {"schema", {{"type", "string"}}}});
    for (const auto& parameter : operation.query)
      parameters.push_back({{"name", parameter.name},
                            {"in", "query"},
                            {"description", parameter.what},
                            {"required", parameter.is_required},
                            {"schema", {{"type", "string"}}}});
    const Json refused = {
        {"description", "Refused, with every fault"},
        {"content",
         {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Errors"}}}}}}}};
    Json described = {
        {"summary", operation.summary},
        {"parameters", parameters},
        {"responses",
         {{"200",
           {{"description", "Done"}, {"content", {{operation.answer_type, Json::object()}}}}},
          {"default", refused}}}};
    if (operation.has_documents) {
      const Json schema = {{"schema", {{"$ref", "#/components/schemas/Resource"}}}};
      described["requestBody"] = {
          {"required", true},
          {"content", {{"application/json", schema}, {"application/yaml", schema}}}};
    }
    std::string method = operation.method;
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    paths[operation.path][method] = described;
  }
  return to_text({{"openapi", "3.0.3"},
                  {"info", {{"title", "Farspan"}, {"version", "v1"}}},
                  {"paths", paths},
                  {"components", {{"schemas", schemas}}}});
}

Answer Rest::openapi(const Request&, const PathValues&) const {
  static const std::string kText = make_openapi();
  return {200, "application/json", kText, ""};
}

}  // namespace farspan::api
