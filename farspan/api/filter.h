// SPDX-License-Identifier: Apache-2.0
// Filter: which items of a list are asked for, by what their fields say. Inside this folder only.
//
//   ?where=spec.vpn_gateway=us-east,status.in_force=false,labels.site=berlin
//
// All conditions must hold. A list meets a condition when one of its items does; a field that is
// left out has its default, and a label that is left out has none.
#pragma once

#include <string>
#include <vector>

#include "farspan/api/json.h"

namespace farspan::api {

class Filter {
 public:
  /// From the query; without `where` everything passes. kInvalid for what is no condition, or names
  /// a field that `kind` does not have.
  static Result<Filter> of(const Request& request, const std::string& kind);

  bool empty() const { return conditions_.empty(); }
  /// @param item  as a list answers it
  bool admits(const Json& item) const;

 private:
  struct Condition {
    std::vector<std::string> path;  // {"spec", "ike", "version"}
    std::string value;
    Json if_left_out;
  };
  std::vector<Condition> conditions_;
};

}  // namespace farspan::api
