// SPDX-License-Identifier: Apache-2.0
// warnings: what may be declared, and better were not.
//
// Algorithms that only old devices need: the cloud takes them, and so do we, for an office with
// such a device is better inside than outside. They are never chosen for anybody, and whoever
// declares one is told what it costs.
//
// Not here: what is refused (validate.h). RFC 8221 (ESP), RFC 8247 (IKE).
#pragma once

#include "farspan/base/result.h"
#include "farspan/model/any_resource.h"

namespace farspan::model {

/// In the order of the fields; empty for nearly every resource.
Errors warnings_of(const AnyResource& resource);

}  // namespace farspan::model
