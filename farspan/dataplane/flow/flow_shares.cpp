// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/flow/flow_shares.h"

#include <algorithm>
#include <bit>

namespace farspan::dataplane {

FlowShares::FlowShares(Flow* flows, uint32_t capacity)
    : flows_(flows),
      capacity_(capacity),
      shares_(1 + std::min(kMaxShares, std::bit_ceil(std::max(capacity, kProbes)))) {
  for (auto& ranks : rank_first_) ranks.fill(kNone);
}

uint32_t FlowShares::find(FlowOwner owner) noexcept {
  if (owner == FlowOwner()) return 0;
  const auto mask = static_cast<uint32_t>(shares_.size() - 2);
  const auto home = static_cast<uint32_t>(owner.bits() * 0x9E3779B97F4A7C15u >> 32);
  uint32_t vacant = 0;
  for (uint32_t i = 0; i < kProbes; ++i) {
    const uint32_t at = 1 + ((home + i) & mask);
    if (shares_[at].owner == owner) return at;
    if (vacant == 0 && shares_[at].flows == 0) vacant = at;
  }
  if (vacant != 0) {
    shares_[vacant] = {};
    shares_[vacant].owner = owner;
  }
  return vacant;
}

void FlowShares::append(List& list, uint32_t place) noexcept {
  Flow& flow = flows_[place];
  flow.share_next = kNone;
  flow.share_previous = list.last;
  (list.last == kNone ? list.first : flows_[list.last].share_next) = place;
  list.last = place;
}

void FlowShares::unlink(List& list, uint32_t place) noexcept {
  const Flow& flow = flows_[place];
  (flow.share_previous == kNone ? list.first : flows_[flow.share_previous].share_next) =
      flow.share_next;
  (flow.share_next == kNone ? list.last : flows_[flow.share_next].share_previous) =
      flow.share_previous;
}

FlowShares::List& FlowShares::list_of(Share& share, const Flow& flow) noexcept {
  return flow.is_weak ? share.weak_list : share.strong_list;
}

void FlowShares::add(uint32_t share_index, uint32_t place, int64_t second) noexcept {
  Share& share = shares_[share_index];
  Flow& flow = flows_[place];
  flow.share = share_index;
  flow.is_weak = true;
  append(share.weak_list, place);
  count(share_index, 1, 1);
  ++share.opened;
  if (share.second != second) {
    share.opened_before = share.second + 1 == second ? share.opened_now : 0;
    share.opened_now = 0;
    share.second = second;
  }
  ++share.opened_now;
}

void FlowShares::remove(uint32_t place) noexcept {
  const Flow& flow = flows_[place];
  unlink(list_of(shares_[flow.share], flow), place);
  count(flow.share, -1, flow.is_weak ? -1 : 0);
}

void FlowShares::set_weak(uint32_t place, bool is_weak) noexcept {
  Flow& flow = flows_[place];
  if (flow.is_weak == is_weak) return;
  Share& share = shares_[flow.share];
  unlink(list_of(share, flow), place);
  flow.is_weak = is_weak;
  append(list_of(share, flow), place);
  count(flow.share, 0, is_weak ? 1 : -1);
}

void FlowShares::count(uint32_t index, int32_t flows, int32_t weak) noexcept {
  Share& share = shares_[index];
  const uint32_t flows_before = share.flows, weak_before = share.weak;
  share.flows += static_cast<uint32_t>(flows);
  share.weak += static_cast<uint32_t>(weak);
  rank(index, kByFlows, flows_before, share.flows);
  rank(index, kByWeak, weak_before, share.weak);
  if (flows_before == 0 && share.flows > 0) ++in_use_;
  if (flows_before > 0 && share.flows == 0) --in_use_;
}

// Moves a share to the rank of its new size; those of nothing have none.
void FlowShares::rank(uint32_t index, Rank by, uint32_t before, uint32_t now) noexcept {
  const auto old_rank = static_cast<size_t>(std::bit_width(before)),
             new_rank = static_cast<size_t>(std::bit_width(now));
  if (old_rank == new_rank) return;
  Share& share = shares_[index];
  auto& first = rank_first_[by];
  if (before > 0) {
    const uint32_t next = share.rank_next[by], previous = share.rank_previous[by];
    (previous == kNone ? first[old_rank] : shares_[previous].rank_next[by]) = next;
    if (next != kNone) shares_[next].rank_previous[by] = previous;
    if (first[old_rank] == kNone) rank_used_[by] &= ~(uint64_t{1} << old_rank);
  }
  if (now > 0) {
    share.rank_previous[by] = kNone;
    share.rank_next[by] = first[new_rank];
    if (first[new_rank] != kNone) shares_[first[new_rank]].rank_previous[by] = index;
    first[new_rank] = index;
    rank_used_[by] |= uint64_t{1} << new_rank;
  }
}

// One of the highest rank but `except` that has more than `more_than` flows; kNone: none was found.
uint32_t FlowShares::heaviest(Rank by, uint32_t except, uint32_t more_than) const noexcept {
  uint32_t probes = kRankProbes;
  for (uint64_t used = rank_used_[by]; used != 0;) {
    const auto highest = static_cast<size_t>(std::bit_width(used)) - 1;
    for (uint32_t at = rank_first_[by][highest]; at != kNone; at = shares_[at].rank_next[by]) {
      if (at != except && shares_[at].flows > more_than) return at;
      if (--probes == 0) return kNone;
    }
    used &= ~(uint64_t{1} << highest);
  }
  return kNone;
}

// Of the first few flows of `list` the one that was used least recently; those that were used since
// go to its end.
uint32_t FlowShares::longest_idle(List& list) noexcept {
  uint32_t idle = list.first;
  uint32_t at = list.first;
  for (uint32_t i = 0; i < kIdleProbes && at != kNone; ++i, at = flows_[at].share_next) {
    if (flows_[at].last_seen < flows_[idle].last_seen) idle = at;
  }
  at = list.first;
  for (uint32_t i = 0; i < kIdleProbes && at != kNone; ++i) {
    const uint32_t next = flows_[at].share_next;
    if (flows_[at].last_seen > flows_[idle].last_seen) {
      unlink(list, at);
      append(list, at);
    }
    at = next;
  }
  return idle;
}

uint32_t FlowShares::choose_victim(uint32_t index) noexcept {
  const auto weak_of = [&](uint32_t share) {
    ++shares_[share].evicted;
    return shares_[share].weak_list.first;
  };
  Share& own = shares_[index];
  const uint32_t fair = capacity_ / std::max(in_use_ + (own.flows == 0 ? 1 : 0), 1u);
  const uint32_t flood = fair / 4;
  const uint32_t weakest = heaviest(kByWeak, index, 0);
  const bool is_flood_beside = weakest != kNone && shares_[weakest].weak > flood;
  if (own.flows > 0 && own.flows >= fair) {
    if (own.weak > 0) return weak_of(index);
    if (is_flood_beside) return weak_of(weakest);
    ++own.refused;
    return kNone;
  }
  if (const uint32_t above = heaviest(kByWeak, index, fair); above != kNone) return weak_of(above);
  if (own.weak > flood) return weak_of(index);
  if (is_flood_beside) return weak_of(weakest);
  // Somebody holds more than the fair part, for the table is full and this share holds less.
  const uint32_t largest = heaviest(kByFlows, index, own.flows);
  if (largest != kNone) {
    if (shares_[largest].weak > 0) return weak_of(largest);
    ++shares_[largest].evicted;
    return longest_idle(shares_[largest].strong_list);
  }
  if (own.weak > 0) return weak_of(index);
  ++own.refused;
  return kNone;
}

size_t FlowShares::copy(uint32_t* cursor, std::span<FlowShareRow> rows,
                        int64_t second) const noexcept {
  constexpr size_t kLookedAt = 1024;
  size_t filled = 0;
  uint32_t at = *cursor;
  const size_t end = std::min(shares_.size(), at + kLookedAt);
  for (; at < end && filled < rows.size(); ++at) {
    const Share& share = shares_[at];
    if (share.flows == 0 && share.refused == 0) continue;
    const uint32_t rate = share.second == second       ? share.opened_before
                          : share.second + 1 == second ? share.opened_now
                                                       : 0;
    rows[filled++] = {share.owner,  share.flows,   share.weak,   rate,
                      share.opened, share.refused, share.evicted};
  }
  *cursor = at < shares_.size() ? at : kNone;
  return filled;
}

}  // namespace farspan::dataplane
