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

inline constexpr const char* kSendMissing =
    "send the missing row in the same batch or remove this one";

/// "port 7: vrf 3 does not exist; …"
inline Error missing_row(std::string row, std::string field, const std::string& what) {
  return row_error(std::move(row), std::move(field), what + " does not exist", kSendMissing);
}

/// What is wrong with next_hop.tunnel.label of a route.
inline std::string label_is_missing(TunnelId tunnel) {
  return "is missing: tunnel " + to_string(tunnel) + " is a link";
}
inline std::string label_has_no_meaning(uint32_t label, TunnelId tunnel) {
  return std::to_string(label) + " has no meaning: tunnel " + to_string(tunnel) + " is no link";
}

/// "10.10.10.0/24"
std::string text_of(const Prefix4& prefix);
/// "route vrf 3 gateway 10.10.10.0/24 from 172.16.0.0/16"
std::string row_name(VrfId vrf, TableKind kind, const RouteKey& key);

}  // namespace farspan::dataplane
