// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/print.h"

#include "farspan/base/utc.h"
#include "farspan/documents/print_fields.h"
#include "farspan/documents/yaml_text.h"

namespace farspan::documents {

Json spec_of(const model::AnyResource& resource, Form form) {
  FieldPrinter printer(form);
  std::visit([&](const auto& typed) { describe(printer, typed); }, resource);
  return printer.take();
}

Json document_of(const model::AnyResource& resource, uint64_t revision) {
  const model::Meta& meta = model::meta_of(resource);
  Json document = Json::object();
  document["kind"] = model::kind_of(resource);
  document["name"] = meta.name;
  if (!meta.description.empty()) document["description"] = meta.description;
  if (!meta.labels.empty()) document["labels"] = meta.labels;
  if (meta.number != 0) {
    document["id"] = model::id_of(resource);
    document["number"] = meta.number;
  }
  if (meta.created_at != 0) document["created_at"] = utc_text(meta.created_at);
  if (meta.updated_at != 0) document["updated_at"] = utc_text(meta.updated_at);
  if (revision != 0) document["revision"] = revision;
  Json spec = spec_of(resource, Form::kDocument);
  if (!spec.empty()) document["spec"] = std::move(spec);
  return document;
}

std::string to_json(const model::AnyResource& resource, uint64_t revision, int indent) {
  return document_of(resource, revision).dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string to_yaml(const model::AnyResource& resource, uint64_t revision) {
  return yaml_text(document_of(resource, revision));
}

std::string to_yaml(std::span<const model::AnyResource> resources) {
  std::string text;
  for (const model::AnyResource& resource : resources) text += "---\n" + to_yaml(resource);
  return text;
}

}  // namespace farspan::documents
