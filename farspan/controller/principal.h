// SPDX-License-Identifier: Apache-2.0
// Principal: who asks, and what they may do. Every request has one, and the audit names it.
//
//   a peer of the API's Unix socket    the local admin, by user
//   a token (tokens.h)                 what the token says
//
// Not here: which request wants which role (api/rest_operation.h).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "farspan/model/field.h"

namespace farspan::controller {

/// Each may do what those before it may.
enum class Role : uint8_t {
  kViewer,    // sees what is declared and what the network does, and no secret
  kOperator,  // changes what is declared, and sees the keys that offices need
  kAdmin,     // says who may do what, which machines join, and sees who did what
};
inline constexpr model::Words<Role, 3> kRoles = {
    {{Role::kViewer, "viewer"}, {Role::kOperator, "operator"}, {Role::kAdmin, "admin"}}};

struct Principal {
  std::string name = "nobody";   // "ann (uid 1000)", "token ci"
  std::string from = "nowhere";  // "the Unix socket", "192.0.2.7"
  Role role = Role::kViewer;
  std::string token_digest = {};  // of the token it showed; empty: none
};

}  // namespace farspan::controller
