// SPDX-License-Identifier: Apache-2.0
// ProbeSearch: finds the largest packet that reaches a peer who answers probes, and notices when
// that changes, without a word from any router (RFC 8899).
//
//   confirm ─▶ the size in use arrives? ──yes──▶ and one a little larger? ──yes──┐
//      ▲            │no                                 │no                     │
//      │            ▼                                   ▼                        ▼
//      │        suspect ─▶ which of these arrive? ──▶ wait a second ◀─done─  search: which of
//      │                        │ a smaller one                                  these arrive?
//      └────────────────────────┴────────────────────────────────────────────────┘
//
// A round is a handful of sizes at once, so that what is found costs a few round trips and not one
// per bit. A size that is not answered did not arrive only if smaller ones of the same round did:
// otherwise the peer is away, or answers no probes, and nothing is concluded. A size in use is
// given up after three losses (RFC 8899 §5.1.2); one that was lost by accident on the way up is
// tried again a second later.
//
// A tunnel that carries nothing is probed when it carries something again, and every ten minutes.
// Peers that never answered are asked three times, and again after ten minutes; those that did and
// stopped, every few seconds.
//
// Not here: what a probe looks like (probe.h), clocks, sending. Threads: the worker. Never
// allocates.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace farspan::dataplane {

class ProbeSearch {
 public:
  struct Probe {
    uint32_t size;    // of the whole outer IPv4 packet
    uint64_t number;  // the answer must say it
  };
  static constexpr uint32_t kLeast = 576, kBase = 1280;  // IPv4's least; RFC 8899 §5.1.2's base
  static constexpr uint32_t kLargest = 9216;
  static constexpr uint64_t kConfirmEveryMs = 1000, kIdleMs = 600'000, kAwayMs = 3000;

  /// What is to be sent at `now_ms`; empty: nothing. Call when due() has come, and after answers.
  /// @param ceiling  no packet may be larger: the route's MTU
  /// @param in_use   what the tunnel goes by
  /// @param is_busy  whether it carried anything of others since the last call
  std::span<const Probe> next_round(uint64_t now_ms, uint32_t ceiling, uint32_t in_use,
                                    bool is_busy);
  /// The peer has received probe `number`. False: it was not asked that.
  bool take_answer(uint64_t number, uint64_t now_ms);

  /// The size the peer is known to receive, if that is news since the last call.
  std::optional<uint32_t> take_result();
  /// When next_round() is to be called again.
  uint64_t due_ms() const { return due_ms_; }
  /// Another peer, or another SA: whether it answers is to be seen.
  void start_again();

 private:
  enum class Stage : uint8_t { kRest, kConfirm, kSuspect, kSearch };
  static constexpr uint32_t kRungs = 10, kMostProbes = 14;
  static constexpr uint32_t kStep = 8;          // how much more is tried each second
  static constexpr uint32_t kSilentRounds = 3;  // then the peer answers no probes
  static constexpr uint64_t kFirstTimeoutMs = 500, kLeastTimeoutMs = 200, kMostTimeoutMs = 2000;

  void begin(Stage stage, uint64_t now_ms);
  void confirm(uint64_t now_ms);
  void suspect(uint64_t now_ms);
  void search(uint64_t now_ms);
  void add(uint32_t size);
  void add_between(uint32_t above, uint32_t below, uint32_t count);
  void rest(uint64_t now_ms);
  void conclude(uint64_t now_ms);
  bool is_round_answered() const;

  Stage stage_ = Stage::kRest;
  uint32_t ceiling_ = 0, in_use_ = 0;
  uint32_t reached_ = 0;  // the largest size the peer is known to receive; 0: it never answered
  uint32_t lost_ = 0;     // the smallest that is known not to arrive
  bool is_news_ = false;
  bool is_begun_ = false;  // a round, and it is to be sent
  uint32_t silent_rounds_ = 0;
  uint64_t due_ms_ = 0, rested_ms_ = 0;
  uint64_t timeout_ms_ = kFirstTimeoutMs;
  struct Round {
    uint64_t first_number = 1, sent_ms = 0;
    uint32_t count = 0;
    bool holds(uint64_t number) const {
      return number >= first_number && number < first_number + count;
    }
  };
  Round round_, before_;  // the one before only tells how long answers take
  std::array<Probe, kMostProbes> probes_{};
  std::array<bool, kMostProbes> is_answered_{};
};

}  // namespace farspan::dataplane
