// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/path/black_hole.h"

namespace farspan::dataplane {
namespace {

// RFC 9293 §3.4: sequence numbers are compared as they stand to each other on the circle.
bool is_before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }

}  // namespace

BlackHole::Finding BlackHole::sent(const Segment& segment, uint64_t now_ms) {
  if (is_watching_ && segment.flow == flow_) {
    if (is_before(sequence_, segment.sequence)) return Finding::kNothing;  // goes on beyond it
    return repeated(segment, now_ms);
  }
  if (is_watching_ && now_ms < last_ms_ + kStaleMs) return Finding::kNothing;
  const bool was_trying = is_watching_ && mtu_ != 0;
  mtu_ = 0;
  is_watching_ = segment.outer_length > kLeast && now_ms >= muted_until_ms_;
  if (is_watching_) watch(segment, now_ms);
  return was_trying ? Finding::kGiveUp : Finding::kNothing;
}

void BlackHole::watch(const Segment& segment, uint64_t now_ms) {
  flow_ = segment.flow;
  sequence_ = segment.sequence;
  repeats_ = 0;
  last_ms_ = now_ms;
}

BlackHole::Finding BlackHole::repeated(const Segment& segment, uint64_t now_ms) {
  if (now_ms < last_ms_ + kApartMs) return Finding::kNothing;
  last_ms_ = now_ms;
  if (segment.sequence != sequence_) {  // what lies before it was not acknowledged either
    sequence_ = segment.sequence;
    repeats_ = 0;
  }
  if (++repeats_ < kRepeats) return Finding::kNothing;
  repeats_ = 0;
  if (mtu_ == 0 && segment.outer_length > kBase) {
    mtu_ = kBase;
    return Finding::kTry;
  }
  if (mtu_ != kLeast && segment.outer_length > kLeast) {
    mtu_ = kLeast;
    return Finding::kTry;
  }
  const bool was_trying = mtu_ != 0;
  is_watching_ = false;
  mtu_ = 0;
  muted_until_ms_ = now_ms + kMutedMs;
  return was_trying ? Finding::kGiveUp : Finding::kNothing;
}

BlackHole::Finding BlackHole::acknowledged(const Flow& answered, uint32_t acknowledgment) {
  if (!is_watching_ || answered != flow_ || !is_before(sequence_, acknowledgment))
    return Finding::kNothing;
  is_watching_ = false;
  return mtu_ != 0 ? Finding::kKeep : Finding::kNothing;
}

}  // namespace farspan::dataplane
