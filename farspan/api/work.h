// SPDX-License-Identifier: Apache-2.0
// Work: where a request is worked on. Inside this folder only.
#pragma once

#include "farspan/api/rest.h"

namespace farspan::api {

/// At once on the thread that serves the connection, as a question about what is published, or as a
/// change.
enum class Work : uint8_t { kQuick, kQuestion, kChange };

/// That of the operation `request` asks for; quick for what is none.
Work work_of(const Request& request);

/// 503: nobody waits longer for an answer.
Answer took_too_long();

}  // namespace farspan::api
