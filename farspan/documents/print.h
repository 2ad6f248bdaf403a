// SPDX-License-Identifier: Apache-2.0
// Print: a resource → JSON or YAML, fields in the order in which they are described.
//
// Empty texts and lists are left out, as they mean that nothing was given; all else is written,
// defaults included, so that what is printed today means the same to a Farspan with other defaults.
//
// Threads: none; every function is pure.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "farspan/documents/form.h"
#include "farspan/model/any_resource.h"

namespace farspan::documents {

using Json = nlohmann::ordered_json;

/// The fields of `resource`, what a document has under spec; an empty object when there are none.
Json spec_of(const model::AnyResource& resource, Form form);

/// kind, name, description, labels and spec, and of one that stands what Farspan gave it: id,
/// number, times, and revision when it is not 0. Secrets are left out.
Json document_of(const model::AnyResource& resource, uint64_t revision = 0);

/// @param indent  spaces per level; -1 for one line
std::string to_json(const model::AnyResource& resource, uint64_t revision = 0, int indent = 2);
std::string to_yaml(const model::AnyResource& resource, uint64_t revision = 0);

/// Many as one YAML stream, each begun by '---': `apply -f` takes it.
std::string to_yaml(std::span<const model::AnyResource> resources);

}  // namespace farspan::documents
