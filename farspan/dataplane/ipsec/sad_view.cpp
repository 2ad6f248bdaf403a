// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/sad_view.h"

#include <bit>

namespace farspan::ipsec {

SadView::SadView(uint64_t version, std::vector<std::shared_ptr<InboundSa>> inbound, Tunnels tunnels)
    : version_(version), inbound_owned_(std::move(inbound)), tunnels_(std::move(tunnels)) {
  index_inbound();
  index_tunnels();
}

void SadView::index_inbound() {
  const size_t size = std::bit_ceil(2 * inbound_owned_.size() + 2);
  inbound_shift_ = 32 - static_cast<unsigned>(std::countr_zero(size));
  inbound_.resize(size);
  for (const auto& sa : inbound_owned_) {
    size_t at = home_of(sa->spi(), inbound_shift_);
    while (inbound_[at].spi != 0) at = (at + 1) & (size - 1);
    inbound_[at] = {sa->spi(), sa.get()};
  }
}

void SadView::index_tunnels() {
  const size_t size = std::bit_ceil(2 * tunnels_.size() + 2);
  row_shift_ = 32 - static_cast<unsigned>(std::countr_zero(size));
  rows_.resize(size);
  for (const auto& [id, policies] : tunnels_) {
    size_t at = home_of(id, row_shift_);
    while (rows_[at].policies != nullptr) at = (at + 1) & (size - 1);
    TunnelRow& row = rows_[at];
    row.tunnel = id;
    row.policies = policies.get();
    if (policies->candidates.empty()) continue;
    const Candidate& newest = policies->candidates.front();
    row.newest = newest.sa.get();
    if (newest.selectors.source().empty() || newest.selectors.destination().empty()) continue;
    row.source = newest.selectors.source().front();
    row.destination = newest.selectors.destination().front();
  }
}

InboundSa* SadView::inbound(uint32_t spi) const {
  for (size_t at = home_of(spi, inbound_shift_); inbound_[at].spi != 0;
       at = (at + 1) & (inbound_.size() - 1)) {
    if (inbound_[at].spi == spi) return inbound_[at].sa;
  }
  return nullptr;
}

const SadView::TunnelRow* SadView::find(uint32_t tunnel) const {
  for (size_t at = home_of(tunnel, row_shift_); rows_[at].policies != nullptr;
       at = (at + 1) & (rows_.size() - 1)) {
    if (rows_[at].tunnel == tunnel) return &rows_[at];
  }
  return nullptr;
}

SadView::Selection SadView::select(uint32_t tunnel, const InnerFlow& flow) const {
  const TunnelRow* const row = find(tunnel);
  if (row == nullptr) return {};
  if (row->source.holds(flow.source, flow.source_port, flow.protocol) &&
      row->destination.holds(flow.destination, flow.destination_port, flow.protocol)) {
    return {Selection::Answer::kSa, row->newest, nullptr};
  }
  return select_by_all(*row->policies, flow);
}

SadView::Selection SadView::select_by_all(const Tunnel& policies, const InnerFlow& flow) {
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
  const TunnelRow* const row = find(tunnel);
  return row == nullptr ? nullptr : row->newest;
}

}  // namespace farspan::ipsec
