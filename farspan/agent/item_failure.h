// SPDX-License-Identifier: Apache-2.0
// ItemFailure: one thing of the target that is not in force, for the person who must fix it.
#pragma once

#include <string>
#include <utility>

#include "farspan/base/result.h"

namespace farspan::agent {

struct ItemFailure {
  std::string item;  // "Instance app-us-east", "IpsecConnection office-1", "dataplane"
  std::string reason;
  std::string remedy;
  bool operator==(const ItemFailure&) const = default;
};

inline ItemFailure failure_of(std::string item, const Error& error) {
  return {std::move(item), error.field.empty() ? error.what : error.field + " " + error.what,
          error.remedy};
}

}  // namespace farspan::agent
