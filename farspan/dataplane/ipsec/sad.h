// SPDX-License-Identifier: Apache-2.0
// Sad: charon's thread's book of SAs, policies and reserved SPIs; it keeps the SadView of the
// workers.
//
// Every function that changes something has changed the view when it returns. It costs what it
// changes: the SAs and policies of one tunnel stand together, what has an end stands by its end.
//
// Charon decides what exists; the Sad keeps it, across charon's death too. SAs and policies of an
// earlier charon are orphans: they go on forwarding until the new charon has put an outbound policy
// of the same tunnel in (the outbound orphans of that tunnel go at once, the inbound ones 60 s
// later, for the peer may still be sending with them), or until their hard lifetime ends. That is
// make before break across a restart of charon.
//
// An SA that charon repeats and the arena does not know has lost its sequence numbers and is
// refused: charon makes it anew. The arena knows an SA from the first time it was added, before
// which it sent nothing; so what it knows, it knows completely, whatever died in between.
//
// Charon may be away when the worker has something to say: what still holds when it is back is said
// then (pending_events()).
//
// An outbound SA carries packets only once a policy names its SPI: charon adds that policy when the
// peer is known to be ready (RFC 7296 §2.8).
//
// Not here: the messages (sad_session.h), the packet path (sad_view.h, esp.h).
// Threads: charon's thread. Time is a parameter: CLOCK_MONOTONIC seconds.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/crypto/context.h"
#include "farspan/dataplane/ipsec/sa_description.h"
#include "farspan/dataplane/ipsec/sad_view.h"
#include "farspan/dataplane/ipsec/sequence_arena.h"

namespace farspan::ipsec {

/// How an SA is named by charon. Inbound SPIs are ours and unique; outbound ones are the peer's and
/// unique within a tunnel.
struct SaName {
  bool is_inbound = false;
  uint32_t spi = 0;     // host order
  uint32_t tunnel = 0;  // not looked at for inbound
  auto operator<=>(const SaName&) const = default;
};

struct PolicyDescription {
  enum class Direction : uint8_t { kIn, kOut, kForward };
  Direction direction = Direction::kOut;
  uint8_t type = 1;      // 1 ipsec, 2 pass, 3 drop
  uint8_t priority = 1;  // 2: trap
  uint32_t tunnel = 0;
  uint32_t reqid = 0;
  uint32_t spi = 0;  // host order; 0: any
  SelectorRange source, destination;
  bool operator==(const PolicyDescription&) const = default;
};

struct SaUse {
  uint64_t bytes = 0, packets = 0, last_use_seconds = 0;
};

enum class SadVerdict : uint8_t { kOk, kNotFound, kExists, kFull, kTunnelFull, kNumbersLost };

class Sad {
 public:
  static constexpr size_t kMaxSas =
      SequenceArena::kSlots;  // both directions; an arena has a slot each
  static constexpr size_t kMaxPolicies = 65536;
  // One peer may not fill what is there for all (design: a share for each before the whole): this
  // many a tunnel, and when half of all is taken, only tunnels that have few get more. A Child SA
  // has two SAs, four while it is rekeyed, and three policies.
  static constexpr size_t kMaxSasOfTunnel = 512, kFewSas = 8;
  static constexpr size_t kMaxPoliciesOfTunnel = 2048, kFewPolicies = 24;
  static constexpr size_t kMaxReservations = 4096;
  static constexpr uint64_t kReservationSeconds = 165;  // charon's own patience with a larval SA
  static constexpr uint64_t kInboundGraceSeconds = 60;
  static constexpr uint64_t kWishSeconds = 30;  // then who sent the packet has given up
  static constexpr uint32_t kFirstSpi = 0xc0000000, kLastSpi = 0xcfffffff;

  /// @param arena    outlives the Sad
  /// @param context  of charon's thread alone
  Sad(SequenceArena& arena, crypto::Context& context);
  ~Sad();
  Sad(const Sad&) = delete;
  Sad& operator=(const Sad&) = delete;

  /// A charon says hello. Another instance than before makes all there is orphans; the same one is
  /// about to repeat what it holds, and what it does not repeat until synced() is deleted.
  void hello(uint64_t instance);
  void synced(uint64_t now);
  /// Drops reservations, orphans and SAs whose time is over, and frees what no worker uses any
  /// more.
  void tick(uint64_t now);

  std::optional<uint32_t> reserve_spi(uint64_t now);
  SadVerdict add(const SaDescription& description, uint64_t now);
  SadVerdict move(const SaName& name, const OuterPath& path);
  std::optional<SaUse> usage(const SaName& name);
  SadVerdict remove(const SaName& name);
  void flush_sas();
  SadVerdict add_policy(const PolicyDescription& policy, uint64_t now);
  SadVerdict remove_policy(const PolicyDescription& policy);
  std::optional<SaUse> policy_usage(const PolicyDescription& policy);
  void flush_policies();

  /// The peer is elsewhere: whether charon should hear of it now. Once a second and SA; what comes
  /// sooner is told by late_moves(), if it still holds.
  bool take_move(const SaEvent& move, uint64_t now);
  std::vector<SaEvent> late_moves(uint64_t now);

  /// A packet needed a tunnel that is not there. @param is_heard  charon was told
  void wished(const SaEvent& acquire, bool is_heard, uint64_t now);
  /// The wishes charon has not heard, each once, as soon as it holds the tunnel's trap (again).
  std::vector<SaEvent> unheard_wishes(uint64_t now);
  /// What a charon that has just repeated itself must hear, for it may have been away when it was
  /// said: limits that are reached, peers that are not where it believes, unheard wishes.
  std::vector<SaEvent> pending_events(uint64_t now);

  /// What workers see; lives as long as the Sad. Its readers have stopped before.
  const SadView& view() const { return view_; }
  SadView::Reader reader() { return view_.reader(); }

  /// What each SA carried, for status.
  struct Row {
    SaName name;
    SaUse use;
  };
  std::vector<Row> rows() const;

 private:
  struct Lifetime {
    uint64_t added = 0, ends = 0;  // ends 0: never
    bool is_orphan = false;
    bool is_repeated = true;  // since the last hello of the same instance
  };
  template <class Sa>
  struct Entry {
    Sa* sa;
    KeyFingerprint fingerprint;
    Lifetime life;
  };
  struct Policy {
    PolicyDescription description;
    std::shared_ptr<Trap> trap;  // of traps
    uint32_t uses = 1;           // charon may add the same policy more than once
    bool is_orphan = false;
    bool is_repeated = true;
  };
  struct Move {
    Endpoint told;
    uint64_t at = 0;
  };
  struct Wish {
    InnerFlow flow;
    uint64_t since = 0;
    bool is_heard = false;
  };
  /// All of one tunnel: a few of each.
  struct Tunnel {
    std::vector<Policy> policies;                    // oldest first
    std::map<uint32_t, Entry<OutboundSa>> outbound;  // by SPI
    std::set<uint32_t> inbound;                      // SPIs; the entries are in inbound_
    bool is_empty() const { return policies.empty() && outbound.empty() && inbound.empty(); }
  };
  using Tunnels = std::map<uint32_t, Tunnel>;
  struct Deadline {
    uint64_t ends;
    SaName name;
    auto operator<=>(const Deadline&) const = default;
  };

  KeyFingerprint fingerprint_of(const SaDescription& description) const;
  Entry<InboundSa>* find_inbound(uint32_t spi);
  Entry<OutboundSa>* find_outbound(uint32_t tunnel, uint32_t spi);
  /// Calls `act` with the entry of `name`; `otherwise` without one.
  template <class Result, class Act>
  Result with_entry(const SaName& name, Result otherwise, Act act);
  SadVerdict install(const SaDescription& description, const KeyFingerprint& fingerprint,
                     uint64_t now);
  bool has_room(uint32_t tunnel) const;
  template <class Sa>
  void move_path(Entry<Sa>& entry, const OuterPath& path);
  void use_peer(uint32_t address);
  void drop_peer(uint32_t address);
  void set_end(const SaName& name, Lifetime& life, uint64_t ends);
  /// Takes an SA out of the book; publish() takes it out of what workers see.
  void drop(SaName name);
  template <class Which>
  void drop_sas_of(uint32_t id, Which which);
  template <class Which>
  void drop_policies_of(Tunnel& tunnel, Which which);
  template <class Which>
  void drop_sas(Which which);
  template <class Which>
  void drop_policies(Which which);
  template <class Mark>
  void for_each_lifetime(Mark mark);
  /// Lets a tunnel's orphans go when a new outbound SA of it is in use.
  void settle_orphans(uint32_t id, uint64_t now);
  static bool is_carried_by_new_sa(const Tunnel& tunnel);
  /// Shows workers what the tunnel is now, and forgets it when nothing is left of it.
  void publish(uint32_t id);
  void publish_all();
  const Trap* trap_for(uint32_t tunnel, const InnerFlow& flow) const;

  SequenceArena& arena_;
  crypto::Context& context_;
  uint64_t instance_ = 0;
  bool has_instance_ = false;
  std::map<uint32_t, Entry<InboundSa>> inbound_;  // by SPI
  Tunnels tunnels_;
  std::set<Deadline> deadlines_;  // of the SAs that have one
  size_t policy_count_ = 0;
  std::map<uint32_t, uint64_t> reservations_;  // SPI, until when
  std::map<uint32_t, Wish> wishes_;            // by tunnel
  std::map<uint32_t, Move> moves_;             // by inbound SPI: told in the last second
  std::map<uint32_t, uint32_t> peers_;         // address, how many SAs come from there
  std::vector<OutboundSa*> dropped_;           // still in a tunnel's row, until publish()
  SadView view_;
};

}  // namespace farspan::ipsec
