// SPDX-License-Identifier: Apache-2.0
// Schema: the kinds as JSON Schema 2020-12, in the words of OpenAPI 3.1.
//
// It says what a document may look like: words, defaults, bounds, what is required, which kind a
// field names. What it cannot say is left to admission: host bits, overlaps, whether a name exists.
#pragma once

#include "farspan/documents/print.h"

namespace farspan::documents {

/// One schema for each kind under its name, and "Resource": any of them, told apart by `kind`.
/// References are to "#/components/schemas/".
Json resource_schemas();

}  // namespace farspan::documents
