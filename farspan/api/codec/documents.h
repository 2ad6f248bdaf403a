// SPDX-License-Identifier: Apache-2.0
// Documents: resources as people write them, in YAML or JSON, one or many to a text.
//
//   kind: VSwitch        a YAML stream of documents between '---',
//   name: web            or JSON: an object, or an array of objects
//   spec: {vpc: us-east, cidr: 172.16.1.0/24}
//
// Text becomes a tree of values (value.h), which is checked against the schema by protobuf
// reflection (decode.cpp) and then against the words and ranges of each field (proto_resource.h).
// All faults are reported, not only the first. The text is hostile: size, depth and number of
// documents are bounded, aliases refused.
//
// Not here: whether the resources fit together (model/validate.h).
// Threads: none; every function is pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "farspan/api/codec/any_resource.h"
#include "farspan/base/result.h"

namespace farspan::api::codec {

enum class TextFormat : uint8_t { kYaml, kJson };

inline constexpr size_t kMaxTextBytes = 16 << 20;
inline constexpr size_t kMaxDocuments = 50'000;
inline constexpr int kMaxDepth = 16;

struct Document {
  std::string kind;  // "VSwitch"
  std::string name;
  AnyResource resource;  // meta.number is 0; ike.psk is empty when it was left out
  int line = 0;          // where it starts, from 1
};

struct ParsedDocuments {
  std::vector<Document> documents;  // in the order of the text; meaningful only without errors
  Errors errors;

  bool ok() const { return errors.empty(); }
};

/// Every document of `text`. A resource that is declared twice is a fault; an empty text has no
/// document.
ParsedDocuments parse_documents(std::string_view text, TextFormat format);

/// JSON when the first character that is not blank is '{' or '[', else YAML.
ParsedDocuments parse_documents(std::string_view text);

/// The `kind` and `name` of each document, for deleting what a file declares; the spec may be
/// missing.
struct ResourceName {
  std::string kind, name;
  bool operator==(const ResourceName&) const = default;
};
struct ParsedNames {
  std::vector<ResourceName> names;
  Errors errors;
};
ParsedNames parse_names(std::string_view text);

/// One resource as a document, fields in the order of the schema, secrets left out. number and
/// revision are written when they are not 0.
/// @param indent  spaces per level; -1 for one line
std::string to_json(const AnyResource& resource, uint64_t revision = 0, int indent = 2);
std::string to_yaml(const AnyResource& resource, uint64_t revision = 0);

/// Many as one YAML stream, separated by '---'; what `farspan get -o yaml` prints and `apply -f`
/// takes.
std::string to_yaml(std::span<const AnyResource> resources);

}  // namespace farspan::api::codec
