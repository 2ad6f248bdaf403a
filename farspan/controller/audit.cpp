// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/audit.h"

#include <nlohmann/json.hpp>

namespace farspan::controller {

std::string detail_of(const std::vector<documents::FieldChange>& fields) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& [field, from, to] : fields)
    list.push_back({{"field", field}, {"from", from}, {"to", to}});
  return list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

store::AuditRow audit_row(const Principal& by, std::chrono::system_clock::time_point now,
                          std::string action, store::Key key,
                          const std::vector<documents::FieldChange>& fields) {
  store::AuditRow row;
  row.at = milliseconds_of(now);
  row.who = by.name;
  row.from = by.from;
  row.action = std::move(action);
  row.key = std::move(key);
  row.detail = detail_of(fields);
  return row;
}

}  // namespace farspan::controller
