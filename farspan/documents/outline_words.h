// SPDX-License-Identifier: Apache-2.0
// An outline in words: what explain.cpp and reference.cpp both say of a field.
//
// Internal to documents/.
#pragma once

#include <string>

#include "farspan/documents/outline.h"

namespace farspan::documents {

/// "list of 1 to 6 prefixes, required".
std::string type_text(const FieldOutline& outline);
/// What leaving it out means; empty when it must be written.
std::string default_text(const FieldOutline& outline);
/// A small document of `kind` that is read without a fault.
Json example_of(const KindOutline& kind);

}  // namespace farspan::documents
