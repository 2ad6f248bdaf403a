// SPDX-License-Identifier: Apache-2.0
// SadView: the SAs and policies as the worker sees them during one batch; immutable once published.
//
// Two questions per packet: which inbound SA has this SPI, and which outbound SA does a tunnel use
// for this inner packet. Both are open-addressed tables, one cache line looked at as a rule: that
// of tunnels has the SA and the first selectors of the newest policy in place, which nearly every
// packet takes. The SAs are shared between views and live as long as any view that names them.
//
// Not here: how SAs come and go (sad.h). Threads: made by the control thread, read by workers.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "farspan/dataplane/ipsec/inbound_sa.h"
#include "farspan/dataplane/ipsec/outbound_sa.h"
#include "farspan/dataplane/ipsec/sa_event.h"

namespace farspan::ipsec {

/// A trap policy: packets it covers make charon build the tunnel.
class Trap {
 public:
  Trap(uint32_t reqid, TrafficSelectors selectors)
      : reqid_(reqid), selectors_(std::move(selectors)) {}
  uint32_t reqid() const { return reqid_; }
  const TrafficSelectors& selectors() const { return selectors_; }

  static constexpr uint64_t kPauseSeconds =
      5;  // between two acquires: a flood of packets is one wish
  /// Whether an acquire is due now. The worker's; says yes once per pause.
  bool take_acquire(uint64_t now_seconds) {
    if (last_acquire_ != 0 && now_seconds < last_acquire_ + kPauseSeconds) return false;
    last_acquire_ = now_seconds;
    return true;
  }

 private:
  uint32_t reqid_;
  TrafficSelectors selectors_;
  uint64_t last_acquire_ = 0;
};

class SadView {
 public:
  struct Selection {
    enum class Answer : uint8_t {
      kSa,                // seal with `sa`
      kAcquire,           // no SA yet; raise(acquire) and drop as no_sa
      kNoSa,              // the tunnel is down
      kOutsideSelectors,  // it is up, but its Child SAs do not cover this packet
    };
    Answer answer = Answer::kNoSa;
    OutboundSa* sa = nullptr;
    Trap* trap = nullptr;
  };

  /// The inbound SA with this SPI (host order), or null.
  InboundSa* inbound(uint32_t spi) const;
  /// Which SA of `tunnel` the packet takes: the newest policy that covers it decides.
  Selection select(uint32_t tunnel, const InnerFlow& flow) const;
  /// The newest outbound SA of `tunnel` whatever it covers, or null: for MTU and status.
  OutboundSa* newest_outbound(uint32_t tunnel) const;

  /// Grows with every view of one Sad.
  uint64_t version() const { return version_; }
  size_t inbound_count() const { return inbound_owned_.size(); }
  size_t tunnel_count() const { return tunnels_.size(); }

 private:
  friend class Sad;
  struct Candidate {
    std::shared_ptr<OutboundSa> sa;
    TrafficSelectors selectors;  // of the policy
  };
  struct Tunnel {
    std::vector<Candidate> candidates;  // newest first
    std::vector<std::shared_ptr<Trap>> traps;
  };
  // Shared between views until a policy of the tunnel changes, so that one new SA does not copy all
  // tunnels.
  using Tunnels = std::unordered_map<uint32_t, std::shared_ptr<const Tunnel>>;
  struct InboundEntry {
    uint32_t spi = 0;  // 0: empty
    InboundSa* sa = nullptr;
  };
  struct alignas(64) TunnelRow {
    uint32_t tunnel = 0;
    OutboundSa* newest = nullptr;
    SelectorRange source = SelectorRange::nothing(), destination = source;  // of the newest, first
    const Tunnel* policies = nullptr;                                       // null: empty row
  };
  SadView(uint64_t version, std::vector<std::shared_ptr<InboundSa>> inbound, Tunnels tunnels);
  void index_inbound();
  void index_tunnels();
  const TunnelRow* find(uint32_t tunnel) const;
  static Selection select_by_all(const Tunnel& policies, const InnerFlow& flow);
  static size_t home_of(uint32_t id, unsigned shift) { return (id * 0x9E3779B1u) >> shift; }

  uint64_t version_;
  std::vector<std::shared_ptr<InboundSa>> inbound_owned_;
  std::vector<InboundEntry> inbound_;  // power of two, at most half full
  unsigned inbound_shift_ = 31;
  Tunnels tunnels_;
  std::vector<TunnelRow> rows_;  // of tunnels_; power of two, at most half full
  unsigned row_shift_ = 31;
};

}  // namespace farspan::ipsec
