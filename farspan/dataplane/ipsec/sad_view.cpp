// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/sad_view.h"

namespace farspan::ipsec {

SadView::Row::Row(uint32_t id, Policies of_it) : tunnel(id), policies(std::move(of_it)) {
  if (!policies.candidates.empty()) newest = policies.candidates.front();
}

// No worker runs any more. Sad has given back what it holds, but the rows are ours.
SadView::~SadView() {
  for (const Waiting& waiting : retired_) free(waiting.what);
}

SadView::Selection SadView::select(uint32_t tunnel, const InnerFlow& flow) const {
  const Row* const row = rows_.find(tunnel);
  if (row == nullptr) return {};
  if (row->newest.covers(flow)) return {Selection::Answer::kSa, row->newest.sa, nullptr};
  return select_by_all(row->policies, flow);
}

SadView::Selection SadView::select_by_all(const Policies& policies, const InnerFlow& flow) {
  for (const Candidate& candidate : policies.candidates) {
    if (candidate.covers(flow)) return {Selection::Answer::kSa, candidate.sa, nullptr};
  }
  for (const auto& trap : policies.traps) {
    if (trap->selectors().covers(flow)) return {Selection::Answer::kAcquire, nullptr, trap.get()};
  }
  const bool is_up = !policies.candidates.empty();
  return {is_up ? Selection::Answer::kOutsideSelectors : Selection::Answer::kNoSa, nullptr,
          nullptr};
}

OutboundSa* SadView::outbound(uint32_t tunnel, uint32_t spi) const {
  const Row* const row = rows_.find(tunnel);
  if (row == nullptr) return nullptr;
  for (const Candidate& candidate : row->policies.candidates) {
    if (candidate.sa->spi() == spi) return candidate.sa;
  }
  return nullptr;
}

OutboundSa* SadView::newest_outbound(uint32_t tunnel) const {
  const Row* const row = rows_.find(tunnel);
  return row == nullptr ? nullptr : row->newest.sa;
}

void SadView::put_inbound(uint32_t spi, InboundSa* sa) {
  InboundSa* const before = inbound_.replace(spi, sa);
  if (before != nullptr) retired_.push_back({readers_.removed(), before});
}

void SadView::put_policies(uint32_t tunnel, Policies policies) {
  const Row* const present = rows_.find(tunnel);
  if (policies == (present == nullptr ? Policies{} : present->policies)) return;
  const bool is_empty = policies.candidates.empty() && policies.traps.empty();
  Row* const before =
      rows_.replace(tunnel, is_empty ? nullptr : row_places_.make(tunnel, std::move(policies)));
  // After the row, before what it named can be freed: whoever still sees the old version has begun
  // before that, and is waited for.
  version_.fetch_add(1, std::memory_order_seq_cst);
  if (before != nullptr) retired_.push_back({readers_.removed(), before});
}

void SadView::put_peer(uint32_t address, bool is_peer) {
  Peer* const before = peers_.replace(address, is_peer ? peer_places_.make(address) : nullptr);
  if (before != nullptr) retired_.push_back({readers_.removed(), before});
}

void SadView::collect() {
  while (!retired_.empty() && readers_.have_passed(retired_.front().stamp)) {
    free(retired_.front().what);
    retired_.pop_front();
  }
}

void SadView::free(const Retired& retired) {
  if (auto* const inbound = std::get_if<InboundSa*>(&retired))
    return inbound_places_.give_back(*inbound);
  if (auto* const outbound = std::get_if<OutboundSa*>(&retired))
    return outbound_places_.give_back(*outbound);
  if (auto* const row = std::get_if<Row*>(&retired)) return row_places_.give_back(*row);
  peer_places_.give_back(std::get<Peer*>(retired));
}

}  // namespace farspan::ipsec
