// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/sad_view.h"

#include <bit>

namespace farspan::ipsec {

SadView::SadView(std::vector<std::shared_ptr<InboundSa>> inbound, Tunnels tunnels)
    : inbound_owned_(std::move(inbound)), tunnels_(std::move(tunnels)) {
  const size_t size = std::bit_ceil(2 * inbound_owned_.size() + 2);
  shift_ = 32 - static_cast<unsigned>(std::countr_zero(size));
  inbound_.resize(size);
  for (const auto& sa : inbound_owned_) {
    size_t at = home_of(sa->spi());
    while (inbound_[at].spi != 0) at = (at + 1) & (size - 1);
    inbound_[at] = {sa->spi(), sa.get()};
  }
}

InboundSa* SadView::inbound(uint32_t spi) const {
  for (size_t at = home_of(spi); inbound_[at].spi != 0; at = (at + 1) & (inbound_.size() - 1)) {
    if (inbound_[at].spi == spi) return inbound_[at].sa;
  }
  return nullptr;
}

SadView::Selection SadView::select(uint32_t tunnel, const InnerFlow& flow) const {
  const auto found = tunnels_.find(tunnel);
  if (found == tunnels_.end()) return {};
  const Tunnel& policies = *found->second;
  for (const Candidate& candidate : policies.candidates) {
    if (candidate.selectors.covers(flow))
      return {Selection::Answer::kSa, candidate.sa.get(), nullptr};
  }
  for (const auto& trap : policies.traps) {
    if (trap->selectors().covers(flow)) return {Selection::Answer::kAcquire, nullptr, trap.get()};
  }
  const bool is_up = !policies.candidates.empty();
  return {is_up ? Selection::Answer::kOutsideSelectors : Selection::Answer::kNoSa, nullptr,
          nullptr};
}

OutboundSa* SadView::newest_outbound(uint32_t tunnel) const {
  const auto found = tunnels_.find(tunnel);
  if (found == tunnels_.end() || found->second->candidates.empty()) return nullptr;
  return found->second->candidates.front().sa.get();
}

}  // namespace farspan::ipsec
