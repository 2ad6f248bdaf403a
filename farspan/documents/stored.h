// SPDX-License-Identifier: Apache-2.0
// Stored: a resource ↔ the bytes of its row in the store, from the same description as documents.
//
//   {"description":"…","labels":{…},"id":…,"created_at":…,"updated_at":…,"spec":{…}}   JSON in one
//   line; kind, name and number are columns
//
// The body has everything, secrets and what Farspan gives included. A field that was described
// after the row was written has its default; a row with a field that is not described any more is
// refused by name, like a document.
#pragma once

#include <string>
#include <string_view>

#include "farspan/base/result.h"
#include "farspan/model/any_resource.h"

namespace farspan::documents {

std::string to_stored(const model::AnyResource& resource);

/// The resource of the row, without its number; kInvalid with the first fault when `body` cannot be
/// read.
Result<model::AnyResource> from_stored(const std::string& kind, const std::string& name,
                                       std::string_view body);

}  // namespace farspan::documents
