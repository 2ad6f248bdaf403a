// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/selector.h"

#include <algorithm>
#include <utility>

namespace farspan::ipsec {

namespace {

bool holds(const std::vector<SelectorRange>& ranges, uint32_t address, uint16_t port,
           uint8_t protocol) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const SelectorRange& range) {
    return range.holds(address, port, protocol);
  });
}

}  // namespace

TrafficSelectors::TrafficSelectors(std::vector<SelectorRange> source,
                                   std::vector<SelectorRange> destination)
    : has_more_(source.size() > 1 || destination.size() > 1),
      source_(std::move(source)),
      destination_(std::move(destination)) {
  if (!source_.empty()) first_source_ = source_.front();
  if (!destination_.empty()) first_destination_ = destination_.front();
}

bool TrafficSelectors::covers_everything() const {
  const auto is_everything = [](const SelectorRange& range) { return range.is_everything(); };
  return std::any_of(source_.begin(), source_.end(), is_everything) &&
         std::any_of(destination_.begin(), destination_.end(), is_everything);
}

bool TrafficSelectors::covers_by_any(const InnerFlow& flow) const {
  return holds(source_, flow.source, flow.source_port, flow.protocol) &&
         holds(destination_, flow.destination, flow.destination_port, flow.protocol);
}

}  // namespace farspan::ipsec
