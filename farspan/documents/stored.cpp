// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/stored.h"

#include <cstdlib>

#include "farspan/documents/print.h"
#include "farspan/documents/read_fields.h"

namespace farspan::documents {
namespace {

int64_t number_in(const Value& row, std::string_view name) {
  const Value* value = row.find(name);
  return value == nullptr ? 0 : std::strtoll(value->text.c_str(), nullptr, 10);
}

}  // namespace

std::string to_stored(const model::AnyResource& resource) {
  const model::Meta& meta = model::meta_of(resource);
  Json body = {{"description", meta.description}};
  if (!meta.labels.empty()) body["labels"] = meta.labels;
  if (!meta.id.empty()) body["id"] = meta.id;
  if (meta.created_at != 0) body["created_at"] = meta.created_at;
  if (meta.updated_at != 0) body["updated_at"] = meta.updated_at;
  body["spec"] = spec_of(resource, Form::kStored);
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<model::AnyResource> from_stored(const std::string& kind, const std::string& name,
                                       std::string_view body) {
  const std::string label = kind + " " + name;
  const auto refused = [&](const std::string& why) {
    return Error{ErrorCode::kInvalid, label, "", "its row in the store cannot be read: " + why,
                 "restore the store from a backup, or run the Farspan that wrote it"};
  };
  auto resource = model::make(kind);
  if (!resource) return refused("there is no such kind");
  const ReadValues read = read_json(body);
  if (!read.fault.empty()) return refused(read.fault.front().what);
  if (read.documents.size() != 1 || read.documents.front().kind != Value::Kind::kMap)
    return refused("it is no object");

  const Value& row = read.documents.front();
  const Value *description = row.find("description"), *spec = row.find("spec");
  if (description == nullptr || spec == nullptr) return refused("it has no spec");
  Errors faults;
  const FaultSink sink(label, kind, "", *spec, faults);
  std::visit([&](auto& typed) { read_fields(spec, Form::kStored, sink, typed); }, *resource);
  if (!faults.empty()) return refused(faults.front().field + " " + faults.front().what);
  model::Meta& meta = model::meta_of(*resource);
  meta.name = name;
  meta.description = description->text;
  if (const Value* labels = row.find("labels")) {
    for (const Member& each : labels->members) meta.labels.emplace(each.key, each.value.text);
  }
  if (const Value* id = row.find("id")) meta.id = id->text;
  meta.created_at = number_in(row, "created_at");
  meta.updated_at = number_in(row, "updated_at");
  return *std::move(resource);
}

}  // namespace farspan::documents
