// SPDX-License-Identifier: Apache-2.0
// row_error: refusals of the agent's rows, each naming row, field and value.
#pragma once

#include <string>

#include "farspan/base/result.h"
#include "farspan/dataplane/control/intent.h"

namespace farspan::dataplane {

/// "port 7: address 10.0.0.300 is no IPv4 address; …"
inline Error row_error(std::string row, std::string field, std::string what,
                       std::string remedy = "send a correct batch") {
  return {ErrorCode::kInvalid, std::move(row), std::move(field), std::move(what),
          std::move(remedy)};
}

template <class Id>
std::string row_name(const char* kind, Id id) {
  using std::to_string;
  return std::string(kind) + " " + to_string(id);
}

/// "10.10.10.0/24"
std::string text_of(const Prefix4& prefix);
/// "route vrf 3 gateway 10.10.10.0/24 from 172.16.0.0/16"
std::string row_name(VrfId vrf, TableKind kind, const RouteRowKey& key);

}  // namespace farspan::dataplane
