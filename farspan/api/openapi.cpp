// SPDX-License-Identifier: Apache-2.0
// openapi.json: made from the table that requests are dispatched by and from the descriptions of
// the kinds (documents/schema.h), so it describes what there is.
#include "farspan/api/json.h"
#include "farspan/api/rest_operation.h"
#include "farspan/documents/schema.h"

namespace farspan::api {
namespace {

Json error_schema() {
  Json properties = Json::object();
  for (const char* part : {"code", "resource", "field", "what", "remedy"})
    properties[part] = {{"type", "string"}};
  const Json one = {{"type", "object"}, {"properties", properties}};
  return {{"type", "object"}, {"properties", {{"errors", {{"type", "array"}, {"items", one}}}}}};
}

}  // namespace

std::string make_openapi() {
  Json schemas = documents::resource_schemas();
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
        {"x-farspan-role", word_of(controller::kRoles, operation.role)},
        {"parameters", parameters},
        {"responses",
         {{"200",
           {{"description", "Done"}, {"content", {{operation.answer_type, Json::object()}}}}},
          {"default", refused}}}};
    if (operation.has_documents) {
      const Json one = {{"$ref", "#/components/schemas/Resource"}};
      const Json many = {{"type", "array"}, {"items", one}};
      const Json schema = {{"schema", {{"oneOf", Json::array({one, many})}}}};
      described["requestBody"] = {
          {"required", true},
          {"content", {{"application/json", schema}, {"application/yaml", schema}}}};
    }
    std::string method = operation.method;
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    paths[operation.path][method] = described;
  }
  return to_text({{"openapi", "3.1.0"},
                  {"info", {{"title", "Farspan"}, {"version", "v1"}}},
                  {"paths", paths},
                  {"components", {{"schemas", schemas}}}});
}

Answer Rest::openapi(const Request&, const PathValues&) const {
  static const std::string kText = make_openapi();
  return {200, "application/json", kText, ""};
}

}  // namespace farspan::api
