// SPDX-License-Identifier: Apache-2.0
// When is a certificate to be made anew? Inside this folder only. Pure.
#pragma once

#include <chrono>

#include "farspan/controller/openssl_types.h"

namespace farspan::controller {

/// True while `certificate` has begun and more than a third of its life is left: there is time for
/// nodes that are away for months.
bool is_fit(X509* certificate, std::chrono::system_clock::time_point now);

/// False when the clock says less than any right one: it was never set, and nothing should be
/// thrown away for what it says.
bool is_plausible(std::chrono::system_clock::time_point now);

}  // namespace farspan::controller
