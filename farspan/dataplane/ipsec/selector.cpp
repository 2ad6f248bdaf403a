// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/selector.h"

#include <algorithm>
#include <utility>

namespace farspan::ipsec {

TrafficSelectors::TrafficSelectors(std::vector<SelectorRange> source,
                                   std::vector<SelectorRange> destination)
    : source_(std::move(source)), destination_(std::move(destination)) {
  const auto is_everything = [](const SelectorRange& range) { return range.is_everything(); };
  covers_everything_ = std::any_of(source_.begin(), source_.end(), is_everything) &&
                       std::any_of(destination_.begin(), destination_.end(), is_everything);
}

bool TrafficSelectors::holds(const std::vector<SelectorRange>& ranges, uint32_t address,
                             uint16_t port, uint8_t protocol) {
  for (const SelectorRange& range : ranges) {
    if (range.holds(address, port, protocol)) return true;
  }
  return false;
}

}  // namespace farspan::ipsec
