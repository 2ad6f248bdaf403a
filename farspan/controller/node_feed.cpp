// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/node_feed.h"

namespace farspan::controller {

std::optional<nodestate::Delta> NodeFeed::next(std::shared_ptr<const nodestate::NodeState> wanted) {
  if (is_outstanding_) return std::nullopt;
  if (told_ == nullptr && on_disk_ == wanted->generation) {
    told_ = std::move(wanted);
    return std::nullopt;
  }
  if (told_ != nullptr && told_->generation == wanted->generation) return std::nullopt;
  nodestate::Delta delta =
      told_ == nullptr ? nodestate::snapshot(*wanted) : nodestate::diff(*told_, *wanted);
  told_ = std::move(wanted);
  is_outstanding_ = true;
  return delta;
}

// An InForce of an older generation crossed the delta on its way, so it acknowledges nothing.
void NodeFeed::acknowledge(uint64_t generation) {
  if (told_ != nullptr && told_->generation == generation) is_outstanding_ = false;
}

}  // namespace farspan::controller
