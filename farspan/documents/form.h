// SPDX-License-Identifier: Apache-2.0
// Form: who a written resource is for.
#pragma once

#include <cstdint>

namespace farspan::documents {

enum class Form : uint8_t {
  kDocument,  // people: no secrets are printed, nothing that Farspan gives is read or printed
  kStored,    // the store: everything
};

}  // namespace farspan::documents
