// SPDX-License-Identifier: Apache-2.0
#include "farspan/documents/stored.h"

#include "farspan/documents/print.h"
#include "farspan/documents/read_fields.h"

namespace farspan::documents {

std::string to_stored(const model::AnyResource& resource) {
  const Json body = {{"description", model::meta_of(resource).description},
                     {"spec", spec_of(resource, Form::kStored)}};
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
  model::meta_of(*resource).name = name;
  model::meta_of(*resource).description = description->text;
  return *std::move(resource);
}

}  // namespace farspan::documents
