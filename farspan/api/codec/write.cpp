// SPDX-License-Identifier: Apache-2.0
// Resource → text: the message of to_proto(), field by field in the order of the schema, as JSON or
// YAML.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/emitter.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "farspan/api/codec/documents.h"
#include "farspan/api/codec/proto_resource.h"
#include "farspan/v1/resources.pb.h"

namespace farspan::api::codec {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Json = nlohmann::ordered_json;

Json object_of(const Message& message);

Json value_of_field(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return object_of(reflection.GetMessage(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field);
    default:
      return reflection.GetString(message, &field);
  }
}

Json list_of_field(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  Json list = Json::array();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      list.push_back(object_of(reflection.GetRepeatedMessage(message, &field, i)));
    } else {
      list.push_back(reflection.GetRepeatedString(message, &field, i));
    }
  }
  return list;
}

// Empty strings and lists are left out, as they mean nothing was given; truth values are always
// written.
Json object_of(const Message& message) {
  const auto& reflection = *message.GetReflection();
  Json object = Json::object();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.is_repeated()) {
      if (reflection.FieldSize(message, &field) > 0)
        object[field.name()] = list_of_field(message, field);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL ||
               reflection.HasField(message, &field)) {
      object[field.name()] = value_of_field(message, field);
    }
  }
  return object;
}

Json document_of(const AnyResource& resource, uint64_t revision) {
  const v1::Resource message = to_proto(resource, Secrets::kLeftOut);
  const auto* oneof = message.GetDescriptor()->FindOneofByName("spec");
  const auto* spec = message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
  Json document = Json::object();
  document["kind"] = message.kind();
  document["name"] = message.name();
  if (!message.description().empty()) document["description"] = message.description();
  if (message.number() != 0) document["number"] = message.number();
  if (revision != 0) document["revision"] = revision;
  Json fields = object_of(message.GetReflection()->GetMessage(message, spec));
  if (!fields.empty()) document["spec"] = std::move(fields);
  return document;
}

// Words that every YAML reader takes for strings stay bare; all else is quoted.
bool is_plain_word(const std::string& text) {
  static constexpr const char* kOtherMeanings[] = {"true", "false", "yes", "no", "on",
                                                   "off",  "null",  "y",   "n"};
  const bool is_bare = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '/' || c == '_';
  });
  const bool looks_like_number = text.find_first_not_of("0123456789.eE-_") == std::string::npos &&
                                 std::count(text.begin(), text.end(), '.') != 3;
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const bool means_other = std::find(std::begin(kOtherMeanings), std::end(kOtherMeanings), lower) !=
                           std::end(kOtherMeanings);
  return !text.empty() && is_bare && !looks_like_number && !means_other && text.front() != '-' &&
         text.front() != '.';
}

void emit(const Json& value, YAML::Emitter& out) {
  if (value.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, member] : value.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(member, out);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    const bool is_short =
        std::all_of(value.begin(), value.end(), [](const Json& item) { return item.is_string(); });
    out << (is_short ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
    for (const Json& item : value) emit(item, out);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (is_plain_word(text)) {
      out << text;
    } else {
      out << YAML::DoubleQuoted << text;
    }
  } else if (value.is_boolean()) {
    out << value.get<bool>();
  } else {
    out << value.get<uint64_t>();
  }
}

}  // namespace

std::string to_json(const AnyResource& resource, uint64_t revision, int indent) {
  return document_of(resource, revision).dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string to_yaml(const AnyResource& resource, uint64_t revision) {
  YAML::Emitter out;
  emit(document_of(resource, revision), out);
  return std::string(out.c_str()) + "\n";
}

std::string to_yaml(std::span<const AnyResource> resources) {
  std::string text;
  for (const AnyResource& resource : resources)
    text += (text.empty() ? "" : "---\n") + to_yaml(resource);
  return text;
}

}  // namespace farspan::api::codec
