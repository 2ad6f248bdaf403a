// SPDX-License-Identifier: Apache-2.0
// Documents: resources as people write them, in YAML or JSON, one or many to a text.
//
//   kind: VSwitch        a YAML stream of documents between '---',
//   name: web            or JSON: an object, an array of objects,
//   spec: {vpc: us-east, cidr: 172.16.1.0/24}    or what a list answers: {"items": […]}
//
// Text becomes a tree of values (value.h), which is read field by field as the kind is described
// (model/field.h, read_fields.h). All faults are reported, each with file, line and column. Texts
// are hostile: size, depth and number of documents are bounded, aliases refused; a fault repeats
// nothing that could be a secret.
//
// Not here: whether the resources fit together (model/validate.h).
// Threads: none; every function is pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/model/any_resource.h"

namespace farspan::documents {

inline constexpr size_t kMaxTextBytes = 16 << 20;  // of all texts together
inline constexpr size_t kMaxDocuments = 50'000;
inline constexpr int kMaxDepth = 16;
inline constexpr size_t kMaxFaults = 50;

/// One file, in YAML, or in JSON when its first character that is not blank is '{' or '['.
struct SourceText {
  std::string file;  // as faults name it; may be empty
  std::string_view text;
};

struct Document {
  std::string kind;  // "VSwitch"
  std::string name;
  model::AnyResource resource;  // meta.number is 0; secrets are empty when they were left out
  std::string place;            // "a.yaml:3:1", where it starts; "line 3, column 1" without a file
};

struct ParsedDocuments {
  std::vector<Document> documents;  // in the order of the texts; meaningful only without errors
  Errors errors;                    // at most kMaxFaults, and one that counts the others

  bool ok() const { return errors.empty(); }
};

/// Every document of `texts`. A resource that is declared twice is a fault; an empty text has no
/// document.
ParsedDocuments parse_documents(std::span<const SourceText> texts);
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
ParsedNames parse_names(std::span<const SourceText> texts);
ParsedNames parse_names(std::string_view text);

/// Adds to each of `errors` that is about a resource of `texts` where its field is written: what
/// rules between resources find is told with its place, too. @pre parse_documents(texts).ok()
void add_places(Errors& errors, std::span<const SourceText> texts);

/// The first kMaxFaults of `errors`, and one that counts the others.
Errors capped(Errors errors);

}  // namespace farspan::documents
