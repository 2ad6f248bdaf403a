// SPDX-License-Identifier: Apache-2.0
// Outline: the description of a kind as a tree of plain values: what the schema, `farspan explain`
// and docs/resources.md are made from.
//
// Threads: any; made once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "farspan/documents/print.h"
#include "farspan/model/field.h"

namespace farspan::documents {

struct FieldOutline {
  enum class Type : uint8_t {
    kText,
    kTruth,
    kNumber,
    kAddress,
    kPrefix,
    kPorts,
    kWord,
    kLabels,
    kPart
  };
  struct Word {
    std::string word;
    const char* says;
  };

  model::Field field;
  Type type = Type::kText;
  bool is_list = false;
  std::vector<Word> words;          // of kWord, the default first
  Json default_value;               // null when there is none that could be written
  std::vector<FieldOutline> parts;  // of kPart
  std::string instead_of;           // exactly one of this field and that one is written
};

struct KindOutline {
  std::string kind;
  const char* says;
  std::vector<FieldOutline> fields;  // of the spec, in order
};

/// Every kind, in the order of model::Kinds; what documents have, so nothing that Farspan gives.
const std::vector<KindOutline>& kind_outlines();
const KindOutline* outline_of(std::string_view kind);

/// name and description, which every document has beside kind and spec.
const std::vector<FieldOutline>& meta_outline();

}  // namespace farspan::documents
