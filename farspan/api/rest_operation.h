// SPDX-License-Identifier: Apache-2.0
// Rest::Operation: one row of the API: what is asked, how it is described, and what answers. Inside
// this folder only.
#pragma once

#include <vector>

#include "farspan/api/work.h"

namespace farspan::api {

struct Rest::Operation {
  struct Parameter {
    const char* name;
    const char* what;
    bool is_required;
  };
  using Answerer = Answer (Rest::*)(const Request&, const PathValues&) const;

  controller::Role role;  // and those above it
  const char* method;
  const char* path;  // "/v1/resources/{kind}/{name}"
  const char* summary;
  Answerer answerer;  // null: a watch
  std::vector<Parameter> query = {};
  bool has_documents = false;  // the body is YAML or JSON documents
  const char* answer_type = "application/json";
  Work work = Work::kQuestion;
};

/// Every operation, in the order of docs/api.md.
const std::vector<Rest::Operation>& operations();

/// The description of operations() and of the resources, in OpenAPI 3.
std::string make_openapi();

}  // namespace farspan::api
