// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/flow/tcp_track.h"

#include <algorithm>

namespace farspan::dataplane {
namespace {

constexpr uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kAck = 0x10;  // RFC 9293 §3.1
constexpr uint8_t kLargestScale = 14;                                  // RFC 7323 §2.3
// How old an ACK may be: one that overtook others, of an end that announced small windows only.
constexpr int64_t kOldAck = 66'000;
// A byte beyond a closed window asks whether it opened (RFC 9293 §3.8.6.1); one before what was
// sent asks whether anybody is there (RFC 1122 §4.2.3.6).
constexpr int64_t kProbe = 1;

// How far `a` is ahead of `b` (RFC 9293 §3.4).
int64_t ahead(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b); }

uint32_t end_of(const TcpSegment& segment) {
  return segment.sequence + segment.length + (segment.has(kSyn) ? 1 : 0) +
         (segment.has(kFin) ? 1 : 0);
}

}  // namespace

// Windows of SYNs are not scaled, others if both SYNs offered it (RFC 7323 §2.2); for a SYN nobody
// saw the largest scale is taken.
uint32_t TcpTrack::window_of(const TcpSegment& segment, const End& own, const End& other) {
  const bool is_scaled = !segment.has(kSyn) && own.scale != TcpSegment::kNoScale &&
                         other.scale != TcpSegment::kNoScale;
  return uint32_t{segment.window} << (is_scaled ? std::min(own.scale, kLargestScale) : 0);
}

void TcpTrack::pick_up_again() noexcept {
  for (End& end : ends_) end = {.scale = end.scale};
  is_known_ = false;
}

TcpVerdict TcpTrack::follow(size_t sender, const TcpSegment& segment, Phase phase) noexcept {
  if (segment.has(kSyn) && !segment.has(kAck)) return open(sender, segment, phase);
  End &own = ends_[sender], &other = ends_[sender ^ 1];
  if (answers_again(sender, segment)) {
    has_again_ = false;
    if (segment.has(kRst)) return TcpVerdict::kCloses;
    other = {.end = again_end_,
             .window = std::max<uint32_t>(again_window_, 1),
             .scale = again_scale_,
             .has_sent = true};
    own = {};
    is_known_ = false;
  } else if (segment.has(kSyn) && phase == Phase::kOpening && sender == 1) {
    own = {};  // it may have thought of another number since (RFC 4987 §3.6: cookies)
    other.has_acknowledged = false;
    is_known_ = false;
  }
  if (!is_known_) return meet(own, other, segment);
  const TcpVerdict verdict = check(own, other, segment);
  if (verdict == TcpVerdict::kPasses && !segment.has(kRst)) remember(own, other, segment);
  return verdict;
}

TcpVerdict TcpTrack::open(size_t sender, const TcpSegment& segment, Phase phase) noexcept {
  if (phase == Phase::kOpen && sender == 1) return TcpVerdict::kWrongSyn;
  if (phase == Phase::kOpen) {
    again_end_ = end_of(segment);
    again_window_ = segment.window;
    again_scale_ = segment.scale;
    has_again_ = true;
    return TcpVerdict::kPasses;
  }
  End &own = ends_[sender], &other = ends_[sender ^ 1];
  if (own.has_sent && own.end == end_of(segment)) return TcpVerdict::kPasses;  // once more
  // Both may open at once (RFC 9293 §3.5), but not after an answer.
  if (sender == 1 && own.has_acknowledged) return TcpVerdict::kWrongSyn;
  own = {.end = end_of(segment),
         .window = std::max<uint32_t>(segment.window, 1),
         .scale = segment.scale,
         .has_sent = true};
  if (sender == 0) other.has_acknowledged = false;  // of what was there before
  is_known_ = false;
  return TcpVerdict::kPasses;
}

// Whether this is the answer to a SYN of the opener that came inside the connection: yes or no.
bool TcpTrack::answers_again(size_t sender, const TcpSegment& segment) const noexcept {
  return has_again_ && sender == 1 && segment.has(kAck) &&
         (segment.has(kSyn) || segment.has(kRst)) && segment.acknowledgment == again_end_;
}

// Until both have shown what fits: takes what comes, and looks whether this and the other's last
// fit.
TcpVerdict TcpTrack::meet(End& own, End& other, const TcpSegment& segment) noexcept {
  const bool has_ack = segment.has(kAck);
  if (segment.has(kRst)) {
    const bool is_exact = (own.has_sent && segment.sequence == own.end) ||
                          (other.has_acknowledged && segment.sequence == other.expected) ||
                          (has_ack && other.has_sent && segment.acknowledgment == other.end);
    return is_exact ? TcpVerdict::kCloses : TcpVerdict::kPasses;
  }
  if (segment.has(kSyn)) own.scale = segment.scale;
  const uint32_t window = window_of(segment, own, other);
  own.end = own.has_sent && ahead(own.end, end_of(segment)) > 0 &&
                    ahead(own.end, end_of(segment)) <= static_cast<int64_t>(other.window)
                ? own.end  // a retransmission
                : end_of(segment);
  own.window = std::max({own.window, window, 1u});
  own.has_sent = true;
  if (!has_ack) return TcpVerdict::kPasses;
  own.expected = segment.acknowledgment;
  own.has_acknowledged = true;
  if (!other.has_sent) return TcpVerdict::kPasses;

  const int64_t in_flight = ahead(other.end, own.expected);
  if (in_flight < 0 || in_flight > std::max<int64_t>(own.window, kOldAck))
    return TcpVerdict::kPasses;
  if (other.has_acknowledged) {
    const int64_t sent = ahead(own.end, other.expected);
    if (sent < -std::max<int64_t>(other.window, kOldAck) || sent > other.window + kProbe)
      return TcpVerdict::kPasses;
    own.limit = other.expected + other.window;
  } else {  // an answer to a SYN: the other expects what follows this one's
    if (!segment.has(kSyn)) return TcpVerdict::kPasses;
    own.limit = segment.sequence + 1 + other.window;
    other.expected = segment.sequence + 1;
  }
  other.limit = own.expected + window;
  is_known_ = true;
  return TcpVerdict::kPasses;
}

TcpVerdict TcpTrack::check(const End& own, const End& other,
                           const TcpSegment& segment) const noexcept {
  const uint32_t end = end_of(segment);
  const int64_t kept = std::max<uint32_t>(other.window, 1);
  const bool is_inside =
      ahead(end, own.limit) <= kProbe && ahead(segment.sequence, own.end) >= -kept - kProbe;
  if (segment.has(kRst)) {
    if (segment.sequence == own.end || segment.sequence == other.expected)
      return TcpVerdict::kCloses;
    return is_inside ? TcpVerdict::kPasses : TcpVerdict::kWrongReset;
  }
  if (segment.has(kSyn) && ahead(end, own.end) > 0) return TcpVerdict::kWrongSyn;
  if (!is_inside) return TcpVerdict::kOutsideWindow;
  const int64_t unacknowledged = ahead(other.end, segment.acknowledgment);
  if (unacknowledged < 0 || unacknowledged > std::max<int64_t>(own.window, kOldAck))
    return TcpVerdict::kOutsideWindow;
  return TcpVerdict::kPasses;
}

void TcpTrack::remember(End& own, End& other, const TcpSegment& segment) noexcept {
  const uint32_t end = end_of(segment), window = window_of(segment, own, other);
  if (ahead(end, own.end) > 0) own.end = end;
  own.window = std::max(own.window, window);
  if (!own.has_acknowledged || ahead(segment.acknowledgment, own.expected) > 0)
    own.expected = segment.acknowledgment;
  own.has_acknowledged = true;
  const uint32_t limit = segment.acknowledgment + window;
  if (ahead(limit, other.limit) > 0) other.limit = limit;
}

}  // namespace farspan::dataplane
