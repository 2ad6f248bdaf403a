// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/flow/flow_table.h"

#include <algorithm>
#include <bit>
#include <new>

#include "farspan/base/check.h"

namespace farspan::dataplane {
namespace {

constexpr uint8_t kIcmp = 1, kTcp = 6;
constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kAck = 0x10;  // RFC 9293 §3.1

// Flow::tcp_seen
constexpr uint8_t seen_bit(FlowDirection direction) {
  return static_cast<uint8_t>(1 << static_cast<int>(direction));
}
constexpr uint8_t fin_bit(FlowDirection direction) {
  return static_cast<uint8_t>(4 << static_cast<int>(direction));
}
constexpr uint8_t kBothSeen = 0x03, kBothFins = 0x0C;

std::optional<DropReason> reason_of(TcpVerdict verdict) {
  switch (verdict) {
    case TcpVerdict::kOutsideWindow:
      return DropReason::kTcpWindow;
    case TcpVerdict::kWrongReset:
      return DropReason::kTcpReset;
    case TcpVerdict::kWrongSyn:
      return DropReason::kTcpSyn;
    case TcpVerdict::kPasses:
    case TcpVerdict::kCloses:
      break;
  }
  return std::nullopt;
}

bool is_of(const Flow& flow, const FlowQuery& query) {
  // one branch for all: they nearly always are the same
  return ((flow.ends[0] ^ query.low) | (flow.ends[1] ^ query.high) |
          (flow.domain.value() ^ query.domain.value()) | (flow.protocol ^ query.protocol)) == 0;
}

}  // namespace

void FlowTable::Release::operator()(Flow* flows) const noexcept {
  ::operator delete(flows, std::align_val_t(alignof(Flow)));
}

FlowTable::FlowTable(uint32_t capacity, FlowHash hash, FlowTimeouts timeouts)
    : capacity_(capacity),
      hash_(hash),
      timeouts_(timeouts),
      // not constructed: an entry is when it is first used, so that unused capacity costs no memory
      flows_(static_cast<Flow*>(
          ::operator new (size_t{capacity} * sizeof(Flow), std::align_val_t(alignof(Flow))))),
      shares_(flows_.get(), capacity),
      wheel_(kWheelSlots, kNone) {
  FS_CHECK(capacity >= 1 && capacity <= uint32_t{1} << 28);
  // a quarter full: nearly every flow stands in the first slot looked at, so the search is guessed
  // right
  const uint32_t slots = std::bit_ceil(4 * capacity);
  index_mask_ = slots - 1;
  index_.assign(slots, Slot{0, kNone});
}

FlowTable::~FlowTable() = default;

// Without a branch: directions come at random, and a branch guessed wrong costs as much as the
// rest.
FlowQuery FlowTable::query(const FlowKey& key) const noexcept {
  const uint64_t source = uint64_t{key.source} << 16 | key.source_port;
  const uint64_t destination = uint64_t{key.destination} << 16 | key.destination_port;
  FlowQuery query;
  query.domain = key.domain;
  query.protocol = key.protocol;
  query.source_end = source > destination ? 1 : 0;
  const uint64_t swap = (source ^ destination) & (uint64_t{0} - query.source_end);
  query.low = source ^ swap;
  query.high = destination ^ swap;
  query.hash = hash_of(query);
  return query;
}

uint32_t FlowTable::hash_of(const FlowQuery& query) const noexcept {
  return hash_({static_cast<uint32_t>(query.low >> 16), static_cast<uint32_t>(query.high >> 16),
                static_cast<uint32_t>(query.low << 16 | (query.high & 0xFFFF)),
                query.domain.value(), query.protocol, 0});
}

inline uint32_t FlowTable::find_slot(const FlowQuery& query) const noexcept {
  for (uint32_t i = query.hash & index_mask_; index_[i].place != kNone; i = (i + 1) & index_mask_) {
    if (index_[i].hash == query.hash && is_of(flows_.get()[index_[i].place], query)) return i;
  }
  return kNone;
}

const Flow* FlowTable::prefetch_flow(const FlowQuery& query) const noexcept {
  const Slot& slot = index_[query.hash & index_mask_];
  if (slot.place == kNone || slot.hash != query.hash) return nullptr;
  const Flow* const flow = &flows_.get()[slot.place];
  __builtin_prefetch(flow);
  __builtin_prefetch(&flow->ways);
  __builtin_prefetch(&flow->counters, 1);
  if (query.protocol == kTcp) __builtin_prefetch(&flow->tcp, 1);
  return flow;
}

FlowHit FlowTable::find(const FlowQuery& query, uint8_t tcp_flags) noexcept {
  const uint32_t slot = find_slot(query);
  if (slot == kNone) return {};
  Flow& flow = flows_.get()[index_[slot].place];
  const bool opens = query.protocol == kTcp && (tcp_flags & (kSyn | kAck | kRst)) == kSyn;
  if (opens && flow.state == FlowState::kTcpClosing) {
    erase(&flow);
    return {};
  }
  return {&flow, static_cast<FlowDirection>(query.source_end ^ flow.original_end)};
}

Flow* FlowTable::create(const FlowQuery& query, Milliseconds now, FlowOwner owner) noexcept {
  const uint32_t share = shares_.find(owner);
  if (size_ == capacity_) {
    const uint32_t victim = shares_.choose_victim(share);
    if (victim == FlowShares::kNone) return nullptr;
    erase(&flows_.get()[victim]);
    ++evicted_;
  }
  uint32_t place = free_;
  if (place != kNone) {
    free_ = flows_.get()[place].wheel_next;
  } else {
    place = fresh_++;
  }
  Flow& flow = *new (&flows_.get()[place]) Flow;
  flow.domain = query.domain;
  flow.ends = {query.low, query.high};
  flow.protocol = query.protocol;
  flow.original_end = query.source_end;
  flow.state = query.protocol == kTcp ? FlowState::kTcpOpening : FlowState::kOneWay;
  flow.created = flow.last_seen = now;

  uint32_t slot = query.hash & index_mask_;
  while (index_[slot].place != kNone) slot = (slot + 1) & index_mask_;
  index_[slot] = {query.hash, place};
  ++size_;
  shares_.add(share, place, now.count() / kTickMilliseconds);
  if (!wheel_tick_) wheel_tick_ = now.count() / kTickMilliseconds;
  schedule(flow);
  return &flow;
}

void FlowTable::touch(const FlowHit& hit, Milliseconds now, uint32_t wire_packets,
                      uint64_t bytes) noexcept {
  Flow& flow = *hit.flow;
  flow.last_seen = now;
  FlowCounters& counters = flow.counted(hit.direction);
  counters.packets += wire_packets;
  counters.bytes += bytes;
  if (flow.state == FlowState::kOneWay && hit.direction == FlowDirection::kReply) {
    flow.state = FlowState::kAnswered;
    shares_.set_weak(place_of(flow), false);
  }
}

std::optional<DropReason> FlowTable::follow(const FlowHit& hit, const TcpSegment& segment,
                                            bool was_moved) noexcept {
  Flow& flow = *hit.flow;
  const auto sender = static_cast<size_t>(hit.direction);
  const auto phase =
      flow.state == FlowState::kTcpOpening ? TcpTrack::Phase::kOpening : TcpTrack::Phase::kOpen;
  TcpVerdict verdict = flow.tcp.follow(sender, segment, phase);
  if (was_moved && (verdict == TcpVerdict::kOutsideWindow || verdict == TcpVerdict::kWrongReset)) {
    flow.tcp.pick_up_again();
    verdict = flow.tcp.follow(sender, segment, phase);
  }
  if (const auto reason = reason_of(verdict)) return reason;
  const bool says_nothing = segment.has(kRst) || (segment.has(kSyn) && !segment.has(kAck) &&
                                                  phase == TcpTrack::Phase::kOpen);
  if (verdict == TcpVerdict::kCloses) {
    flow.reset_by = hit.direction;
    close(flow);
  } else if (!says_nothing) {
    advance(flow, hit.direction, segment);
  }
  return std::nullopt;
}

void FlowTable::close(Flow& flow) noexcept {
  if (flow.state == FlowState::kTcpClosing) return;
  flow.state = FlowState::kTcpClosing;
  shares_.set_weak(place_of(flow), true);
  unschedule(flow);  // it may have stood where a longer timeout ends
  schedule(flow);
}

// A first FIN closes nothing: the other end may go on sending for hours (RFC 9293 §3.6). Whoever
// sends data behind a RST of its own did not send that RST.
void FlowTable::advance(Flow& flow, FlowDirection direction, const TcpSegment& segment) noexcept {
  flow.tcp_seen |= seen_bit(direction);
  if (segment.has(kFin)) flow.tcp_seen |= fin_bit(direction);
  if ((flow.tcp_seen & kBothFins) == kBothFins) return close(flow);
  const bool may_be_open = flow.state == FlowState::kTcpOpening ||
                           (flow.state == FlowState::kTcpClosing && direction == flow.reset_by);
  if (may_be_open && (flow.tcp_seen & kBothSeen) == kBothSeen && segment.has(kAck) &&
      !segment.has(kSyn)) {
    flow.state = FlowState::kTcpEstablished;
    shares_.set_weak(place_of(flow), false);
  }
}

// The hole is filled with the next entry that may stand there, until nothing behind it would be
// lost.
void FlowTable::erase(Flow* flow) noexcept {
  const uint32_t place = place_of(*flow);
  uint32_t hole =
      hash_of({flow->ends[0], flow->ends[1], flow->domain, flow->protocol}) & index_mask_;
  while (index_[hole].place != place) hole = (hole + 1) & index_mask_;
  for (uint32_t i = (hole + 1) & index_mask_; index_[i].place != kNone; i = (i + 1) & index_mask_) {
    const uint32_t home = index_[i].hash & index_mask_;
    if (((i - home) & index_mask_) < ((i - hole) & index_mask_))
      continue;  // it stands behind the hole
    index_[hole] = index_[i];
    hole = i;
  }
  index_[hole].place = kNone;

  unschedule(*flow);
  shares_.remove(place);
  flow->state = FlowState::kFree;
  flow->wheel_next = free_;
  free_ = place;
  --size_;
}

FlowTable::Milliseconds FlowTable::timeout_of(const Flow& flow) const noexcept {
  if (flow.protocol == kIcmp) return timeouts_.icmp;
  switch (flow.state) {
    case FlowState::kTcpOpening:
      return timeouts_.tcp_opening;
    case FlowState::kTcpEstablished:
      return timeouts_.tcp_established;
    case FlowState::kTcpClosing:
      return timeouts_.tcp_closing;
    case FlowState::kAnswered:
      return timeouts_.answered;
    case FlowState::kOneWay:
    case FlowState::kFree:
      break;
  }
  return timeouts_.one_way;
}

// Puts a flow where the wheel will be when it was idle too long, if it is not used until then.
void FlowTable::schedule(Flow& flow) noexcept {
  // the first second at whose beginning its time is over
  const int64_t expiry =
      ((flow.last_seen + timeout_of(flow)).count() + kTickMilliseconds - 1) / kTickMilliseconds;
  const int64_t tick = std::clamp(expiry, *wheel_tick_ + 1, *wheel_tick_ + kWheelSlots - 1);
  const uint32_t place = place_of(flow);
  flow.wheel_slot = static_cast<uint32_t>(tick % kWheelSlots);
  flow.wheel_previous = kNone;
  flow.wheel_next = wheel_[flow.wheel_slot];
  if (flow.wheel_next != kNone) flows_.get()[flow.wheel_next].wheel_previous = place;
  wheel_[flow.wheel_slot] = place;
}

void FlowTable::unschedule(Flow& flow) noexcept {
  if (flow.wheel_next != kNone) flows_.get()[flow.wheel_next].wheel_previous = flow.wheel_previous;
  if (flow.wheel_previous != kNone) {
    flows_.get()[flow.wheel_previous].wheel_next = flow.wheel_next;
  } else {
    wheel_[flow.wheel_slot] = flow.wheel_next;
  }
}

uint32_t FlowTable::age(Milliseconds now, uint32_t budget) noexcept {
  if (!wheel_tick_) return 0;
  const int64_t now_tick = now.count() / kTickMilliseconds;
  // after a long sleep one round comes by every flow
  wheel_tick_ = std::max(*wheel_tick_, now_tick - kWheelSlots);
  uint32_t forgotten = 0;
  while (*wheel_tick_ < now_tick) {
    const int64_t tick = *wheel_tick_ + 1;
    uint32_t& first = wheel_[static_cast<size_t>(tick % kWheelSlots)];
    while (first != kNone) {
      if (budget-- == 0) return forgotten;
      Flow& flow = flows_.get()[first];
      if (flow.last_seen + timeout_of(flow) <= now) {
        erase(&flow);
        ++forgotten;
      } else {
        unschedule(flow);
        schedule(flow);
      }
    }
    wheel_tick_ = tick;
  }
  return forgotten;
}

size_t FlowTable::copy(std::optional<uint32_t>* cursor, uint32_t budget,
                       std::span<Flow> rows) const noexcept {
  size_t filled = 0;
  uint32_t place = cursor->value_or(0);
  for (; place < fresh_ && budget > 0 && filled < rows.size(); ++place, --budget) {
    const Flow& flow = flows_.get()[place];
    if (flow.state != FlowState::kFree) rows[filled++] = flow;
  }
  *cursor = place < fresh_ ? std::optional(place) : std::nullopt;
  return filled;
}

}  // namespace farspan::dataplane
