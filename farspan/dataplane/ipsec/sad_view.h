// SPDX-License-Identifier: Apache-2.0
// SadView: the SAs and policies as the worker sees them: tables that change an entry at a time.
//
// Two questions per packet: which inbound SA has this SPI, and which outbound SA does a tunnel use
// for this inner packet. A tunnel's row has the SA and the selectors of the newest policy in its
// first cache line, which nearly every packet takes. A row is never changed, only replaced, so no
// packet sees half a change; and what was replaced or removed is freed when the readers have passed
// (readers.h). So a change costs what it changes, however many tunnels there are, and is seen by
// every packet from then on.
//
// Not here: how SAs come and go (sad.h). Threads: changed by charon's thread (Sad), read by
// workers, each between its Reader's acquire() and quiesce().
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <variant>
#include <vector>

#include "farspan/dataplane/ipsec/inbound_sa.h"
#include "farspan/dataplane/ipsec/live_table.h"
#include "farspan/dataplane/ipsec/outbound_sa.h"
#include "farspan/dataplane/ipsec/readers.h"
#include "farspan/dataplane/ipsec/sa_event.h"
#include "farspan/dataplane/ipsec/slabs.h"

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

  /// A worker's right to look.
  class Reader {
   public:
    /// The view; what is found in it stays until quiesce().
    const SadView& acquire() noexcept {
      reader_.enter();
      return *view_;
    }
    void quiesce() noexcept { reader_.leave(); }

   private:
    friend class SadView;
    Reader(const SadView* view, Readers::Reader reader) : view_(view), reader_(reader) {}
    const SadView* view_;
    Readers::Reader reader_;
  };

  /// @param most  SAs and tunnels there will be, or nearly
  explicit SadView(size_t most) : inbound_(most), rows_(most), peers_(most) {}
  ~SadView();
  SadView(const SadView&) = delete;
  SadView& operator=(const SadView&) = delete;

  /// A reader for one more worker; before that worker starts.
  Reader reader() { return Reader(this, readers_.reader()); }

  /// The inbound SA with this SPI (host order), or null.
  InboundSa* inbound(uint32_t spi) const { return inbound_.find(spi); }
  /// Which SA of `tunnel` the packet takes: the newest policy that covers it decides.
  Selection select(uint32_t tunnel, const InnerFlow& flow) const;
  /// The newest outbound SA of `tunnel` whatever it covers, or null: for MTU and status.
  OutboundSa* newest_outbound(uint32_t tunnel) const;

  /// The outbound SA of `tunnel` with this SPI, if a policy of the tunnel uses it; or null.
  OutboundSa* outbound(uint32_t tunnel, uint32_t spi) const;
  /// Whether a living SA comes from this underlay address.
  bool is_peer(uint32_t address) const { return peers_.find(address) != nullptr; }

  /// Grows whenever select() may answer something else than before.
  uint64_t version() const { return version_.load(std::memory_order_seq_cst); }

 private:
  friend class Sad;
  struct Candidate {
    OutboundSa* sa;
    SelectorRange source, destination;  // of the policy
    bool covers(const InnerFlow& flow) const {
      return source.holds(flow.source, flow.source_port, flow.protocol) &&
             destination.holds(flow.destination, flow.destination_port, flow.protocol);
    }
    bool operator==(const Candidate&) const = default;
  };
  struct Policies {                     // of one tunnel
    std::vector<Candidate> candidates;  // newest first
    std::vector<std::shared_ptr<Trap>> traps;
    bool operator==(const Policies&) const = default;
  };
  struct alignas(64) Row : LiveLink<Row> {
    Row(uint32_t id, Policies of_it);
    uint32_t id() const { return tunnel; }

    uint32_t tunnel;
    Candidate newest{nullptr, SelectorRange::nothing(), SelectorRange::nothing()};
    Policies policies;
  };
  static_assert(sizeof(LiveLink<Row>) + 8 + sizeof(Candidate) <= 64,
                "the usual answer takes one cache line");

  struct Peer : LiveLink<Peer> {
    explicit Peer(uint32_t of) : address(of) {}
    uint32_t id() const { return address; }
    uint32_t address;
  };

  // Charon's thread's.
  template <class... Args>
  InboundSa* make_inbound(Args&&... args) {
    return inbound_places_.make(std::forward<Args>(args)...);
  }
  template <class... Args>
  OutboundSa* make_outbound(Args&&... args) {
    return outbound_places_.make(std::forward<Args>(args)...);
  }
  /// From now on packets find `sa`, or with null none, by this SPI. The one before is retired.
  void put_inbound(uint32_t spi, InboundSa* sa);
  /// From now on packets of `tunnel` are judged by `policies`.
  void put_policies(uint32_t tunnel, Policies policies);
  void put_peer(uint32_t address, bool is_peer);
  /// An SA that no table names any more.
  void retire(OutboundSa* sa) { retired_.push_back({readers_.removed(), sa}); }
  /// Frees what nobody uses any more. @cost linear in what waits for that, not in what there is
  void collect();

  static Selection select_by_all(const Policies& policies, const InnerFlow& flow);
  using Retired = std::variant<InboundSa*, OutboundSa*, Row*, Peer*>;
  void free(const Retired& retired);

  LiveTable<InboundSa, &InboundSa::spi> inbound_;
  LiveTable<Row, &Row::id> rows_;
  LiveTable<Peer, &Peer::id> peers_;
  std::atomic<uint64_t> version_{1};
  Readers readers_;
  Slabs<InboundSa> inbound_places_;
  Slabs<OutboundSa> outbound_places_;
  Slabs<Row> row_places_;
  Slabs<Peer> peer_places_;
  struct Waiting {
    uint64_t stamp;
    Retired what;
  };
  std::deque<Waiting> retired_;  // oldest first
};

}  // namespace farspan::ipsec
