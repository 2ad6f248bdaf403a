// SPDX-License-Identifier: Apache-2.0
// Names and numbers, which every resource carries (meta.h).
#include <map>

#include "farspan/model/faults.h"
#include "farspan/model/kind_names.h"
#include "farspan/model/limits.h"

namespace farspan::model {
namespace {

void check_labels(const Owner& owner, const Labels& labels, Faults& faults) {
  if (labels.size() > limits::kLabelsPerResource)
    faults.add(owner, "labels", "has " + std::to_string(labels.size()) + " of them",
               "use at most " + std::to_string(limits::kLabelsPerResource));
  for (const auto& [name, value] : labels) {
    if (!is_label(name) || name.empty())
      faults.add(owner, "labels", shown(name) + " is not the name of a label",
                 "use 1 to 63 letters, digits, '.', '_', '/' and '-'");
    else if (!is_label(value))
      faults.add(owner, "labels." + name, shown(value) + " is not the value of a label",
                 "use at most 63 letters, digits, '.', '_', '/' and '-'");
  }
}

uint32_t highest_number(const Owner& owner) {
  if (owner.kind == std::string_view(Vpc::kKind)) return limits::kHighestVpcNumber;
  return limits::kHighestTunnelNumber;
}

}  // namespace

void check_names(const Model& model, Faults& faults) {
  std::map<uint32_t, Owner> by_number;
  for_each_resource(model, [&](const std::string& key, const auto& resource) {
    const Owner owner = Owner::of(resource);
    const Meta& meta = resource.meta;
    if (!is_name(meta.name)) {
      faults.add(owner, "name", shown(meta.name) + " is not a name",
                 "use 1 to 63 of a-z, 0-9 and '-', starting with a letter");
    } else if (key != meta.name) {
      faults.add(owner, "name", "is kept under " + key, "report this defect", ErrorCode::kInternal);
    }
    check_labels(owner, meta.labels, faults);
    if (meta.number == 0) return;  // not stored yet
    if (meta.number > highest_number(owner)) {
      faults.add(owner, "number",
                 std::to_string(meta.number) + " is above " +
                     std::to_string(highest_number(owner)) +
                     ", the last one the data plane can carry",
                 "compact the numbers of the store", ErrorCode::kInternal);
    }
    const auto [standing, is_new] = by_number.emplace(meta.number, owner);
    if (!is_new) {
      faults.add(owner, "number",
                 std::to_string(meta.number) + " is also that of " + standing->second.label(),
                 "report this defect", ErrorCode::kInternal);
    }
  });
}

}  // namespace farspan::model
