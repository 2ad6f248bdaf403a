// SPDX-License-Identifier: Apache-2.0
// Resource ↔ protobuf: the form of the store and the middle form of every document.
//
// Strings of the schema become addresses, prefixes and enumerations here, defaults are filled in,
// and every wrong one is reported with resource, field, value and remedy.
//
// Not here: text (documents.h), whether the resources fit together (model/validate.h).
#pragma once

#include "farspan/api/codec/any_resource.h"
#include "farspan/base/result.h"

namespace farspan::v1 {
class Resource;
}

namespace farspan::api::codec {

enum class Secrets : uint8_t { kLeftOut, kIncluded };

/// The message of `resource`, with number, without revision. Secrets belong only into the store and
/// into exports.
v1::Resource to_proto(const AnyResource& resource, Secrets secrets);

/// The resource `message` describes, or nothing after adding every fault to `errors`.
std::optional<AnyResource> from_proto(const v1::Resource& message, Errors& errors);

}  // namespace farspan::api::codec
