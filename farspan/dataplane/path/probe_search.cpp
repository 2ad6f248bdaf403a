// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/path/probe_search.h"

#include <algorithm>

namespace farspan::dataplane {

void ProbeSearch::start_again() {
  stage_ = Stage::kRest;
  reached_ = 0;
  silent_rounds_ = 0;
  is_news_ = false;
  due_ms_ = 0;
}

std::span<const ProbeSearch::Probe> ProbeSearch::next_round(uint64_t now_ms, uint32_t ceiling,
                                                            uint32_t in_use, bool is_busy) {
  ceiling_ = std::min(ceiling, kLargest);
  in_use_ = std::min(in_use, ceiling_);
  is_begun_ = false;
  if (stage_ == Stage::kRest) {
    const bool is_wanted = reached_ != 0 ? is_busy : silent_rounds_ < kSilentRounds;
    const bool is_due = is_wanted || now_ms >= rested_ms_ + kIdleMs;
    if (now_ms >= due_ms_ && is_due) {
      confirm(now_ms);
    } else if (now_ms >= due_ms_) {
      due_ms_ = now_ms + kConfirmEveryMs;
    }
  } else if (is_round_answered() || now_ms >= due_ms_) {
    conclude(now_ms);
  }
  if (!is_begun_) return {};
  return {probes_.data(), round_.count};
}

bool ProbeSearch::take_answer(uint64_t number, uint64_t now_ms) {
  const bool is_late = before_.holds(number);
  if (!is_late && !round_.holds(number)) return false;
  const uint64_t took_ms = now_ms - (is_late ? before_ : round_).sent_ms;
  timeout_ms_ = std::clamp(2 * took_ms + 50, kLeastTimeoutMs, kMostTimeoutMs);
  if (is_late || stage_ == Stage::kRest) return true;
  is_answered_[number - round_.first_number] = true;
  if (is_round_answered()) due_ms_ = now_ms;
  return true;
}

std::optional<uint32_t> ProbeSearch::take_result() {
  if (!is_news_) return std::nullopt;
  is_news_ = false;
  return reached_;
}

// What is known when every answer has come, or the time for them is over.
void ProbeSearch::conclude(uint64_t now_ms) {
  uint32_t largest = 0;
  for (uint32_t i = 0; i < round_.count; ++i) {
    if (is_answered_[i]) largest = std::max(largest, probes_[i].size);
  }
  uint32_t lost = stage_ == Stage::kSearch ? lost_ : ceiling_ + 1;
  const uint32_t floor = stage_ == Stage::kSearch ? std::max(largest, reached_) : largest;
  for (uint32_t i = 0; i < round_.count; ++i) {
    if (!is_answered_[i] && probes_[i].size > floor) lost = std::min(lost, probes_[i].size);
  }
  if (largest != 0) silent_rounds_ = 0;

  switch (stage_) {
    case Stage::kConfirm:
      if (largest < in_use_) return suspect(now_ms);
      break;
    case Stage::kSuspect:
      if (largest == 0) {
        ++silent_rounds_;
        return rest(now_ms);
      }
      break;
    case Stage::kSearch:
      largest = floor;
      break;
    case Stage::kRest:
      return;
  }
  reached_ = std::min(largest, ceiling_);  // which may be less than when it was asked
  lost_ = std::min(lost, ceiling_ + 1);
  is_news_ = true;
  // Nothing above what is in use was lost on purpose by a confirmation that found all well.
  const bool is_found = lost_ <= reached_ + 1 || (stage_ == Stage::kConfirm && lost_ <= ceiling_);
  if (is_found) return rest(now_ms);
  search(now_ms);
}

void ProbeSearch::confirm(uint64_t now_ms) {
  begin(Stage::kConfirm, now_ms);
  add(in_use_);
  if (in_use_ < ceiling_) add(std::min(in_use_ + kStep, ceiling_));
}

void ProbeSearch::suspect(uint64_t now_ms) {
  begin(Stage::kSuspect, now_ms);
  add(std::min(kLeast, in_use_));
  if (in_use_ > kBase) {
    add(kBase);
    add_between(kBase, in_use_, kRungs - 2);
  } else {
    add_between(kLeast, in_use_, kRungs - 2);
  }
  add(in_use_);
  add(in_use_);
}

void ProbeSearch::search(uint64_t now_ms) {
  begin(Stage::kSearch, now_ms);
  add_between(reached_, lost_, kRungs);
  if (lost_ == ceiling_ + 1) add(ceiling_);
}

void ProbeSearch::rest(uint64_t now_ms) {
  stage_ = Stage::kRest;
  rested_ms_ = now_ms;
  due_ms_ = now_ms + (silent_rounds_ < kSilentRounds ? kConfirmEveryMs : kAwayMs);
}

void ProbeSearch::begin(Stage stage, uint64_t now_ms) {
  stage_ = stage;
  is_begun_ = true;
  before_ = round_;
  round_ = {.first_number = before_.first_number + before_.count, .sent_ms = now_ms};
  is_answered_.fill(false);
  due_ms_ = now_ms + timeout_ms_;
}

void ProbeSearch::add(uint32_t size) {
  if (size > ceiling_) return;
  probes_[round_.count] = {size, round_.first_number + round_.count};
  ++round_.count;
}

// `count` sizes evenly between the two, or all there are.
void ProbeSearch::add_between(uint32_t above, uint32_t below, uint32_t count) {
  if (below <= above + 1) return;
  const uint32_t gap = below - above;
  uint32_t last = above;
  for (uint32_t i = 1; i <= count; ++i) {
    const uint32_t size = above + std::max(gap * i / (count + 1), uint32_t{1});
    if (size > last && size < below) add(size);
    last = std::max(last, size);
  }
}

bool ProbeSearch::is_round_answered() const {
  return std::all_of(is_answered_.begin(), is_answered_.begin() + round_.count,
                     [](bool is_answered) { return is_answered; });
}

}  // namespace farspan::dataplane
