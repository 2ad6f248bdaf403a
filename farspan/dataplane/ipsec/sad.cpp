// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/sad.h"

#include <sys/random.h>

#include <algorithm>
#include <iterator>

#include "farspan/base/check.h"

namespace farspan::ipsec {
namespace {

constexpr uint8_t kTypeIpsec = 1;
constexpr uint8_t kPriorityTrap = 2;

using Direction = PolicyDescription::Direction;

bool is_trap(const PolicyDescription& policy) {
  return policy.direction == Direction::kOut && policy.type == kTypeIpsec &&
         (policy.spi == 0 || policy.priority == kPriorityTrap);
}
bool names_outbound_sa(const PolicyDescription& policy) {
  return policy.direction == Direction::kOut && policy.type == kTypeIpsec && !is_trap(policy);
}
TrafficSelectors selectors_of(const PolicyDescription& policy) {
  return {{policy.source}, {policy.destination}};
}

uint32_t random_spi() {
  uint32_t random = 0;
  FS_CHECK(::getrandom(&random, sizeof random, 0) == sizeof random);
  return Sad::kFirstSpi + random % (Sad::kLastSpi - Sad::kFirstSpi + 1);
}

template <class Sa>
SaUse use_of(const Sa& sa) {
  return {sa.usage.bytes(), sa.usage.packets(), sa.usage.last_use_seconds()};
}

}  // namespace

Sad::Sad(SequenceArena& arena, crypto::Context& context)
    : arena_(arena), context_(context), view_(arena.slots()) {}

// The slots of what is there stay as they are: a process that ends must not erase its numbers.
Sad::~Sad() {
  for (auto& [id, tunnel] : tunnels_) {
    view_.put_policies(id, {});
    for (auto& [spi, entry] : tunnel.outbound) view_.retire(entry.sa);
  }
  for (auto& [spi, entry] : inbound_) view_.put_inbound(spi, nullptr);
}

template <class Mark>
void Sad::for_each_lifetime(Mark mark) {
  for (auto& [spi, entry] : inbound_) mark(entry.life);
  for (auto& [id, tunnel] : tunnels_) {
    for (auto& [spi, entry] : tunnel.outbound) mark(entry.life);
    for (Policy& policy : tunnel.policies) mark(policy);
  }
}

void Sad::hello(uint64_t instance) {
  for (auto& [tunnel, wish] : wishes_) wish.is_heard = false;
  if (has_instance_ && instance == instance_) {
    for_each_lifetime([](auto& life) { life.is_repeated = life.is_orphan; });
    return;
  }
  if (has_instance_) {
    drop_policies([](const Policy& policy) { return !names_outbound_sa(policy.description); });
    for_each_lifetime([](auto& life) { life.is_orphan = life.is_repeated = true; });
  }
  reservations_.clear();  // they were the earlier charon's
  instance_ = instance;
  has_instance_ = true;
  publish_all();
}

void Sad::synced(uint64_t now) {
  drop_policies([](const Policy& policy) { return !policy.is_repeated; });
  drop_sas([](const auto& entry) { return !entry.life.is_repeated; });
  publish_all();
  arena_.release_unclaimed();
  tick(now);
}

void Sad::tick(uint64_t now) {
  std::erase_if(reservations_,
                [now](const auto& reservation) { return now >= reservation.second; });
  while (!deadlines_.empty() && now >= deadlines_.begin()->ends) {
    const SaName name = deadlines_.begin()->name;
    drop(name);
    // Without its SA, nobody would ever take an orphan's policy away.
    if (!name.is_inbound) {
      drop_policies_of(tunnels_[name.tunnel], [&](const Policy& policy) {
        return policy.is_orphan && policy.description.spi == name.spi;
      });
    }
    publish(name.tunnel);
  }
  view_.collect();
}

std::optional<uint32_t> Sad::reserve_spi(uint64_t now) {
  if (reservations_.size() >= kMaxReservations) tick(now);
  if (reservations_.size() >= kMaxReservations) return std::nullopt;
  uint32_t spi = random_spi();
  while (inbound_.contains(spi) || reservations_.contains(spi)) spi = random_spi();
  reservations_.emplace(spi, now + kReservationSeconds);
  return spi;
}

KeyFingerprint Sad::fingerprint_of(const SaDescription& description) const {
  SecretBytes one_way_input[2] = {description.encryption_key, description.integrity_key};
  std::array<uint8_t, 4 + 2 * 64> input{};
  input[0] = static_cast<uint8_t>(description.suite.cipher);
  input[1] = static_cast<uint8_t>(description.suite.integrity);
  input[2] = one_way_input[0].length;
  input[3] = one_way_input[1].length;
  std::copy_n(one_way_input[0].bytes.begin(), 64, input.begin() + 4);
  std::copy_n(one_way_input[1].bytes.begin(), 64, input.begin() + 4 + 64);
  const auto digest = context_.sha256(input);
  crypto::zeroize(input);
  KeyFingerprint fingerprint;
  std::copy_n(digest.begin(), fingerprint.size(), fingerprint.begin());
  return fingerprint;
}

Sad::Entry<InboundSa>* Sad::find_inbound(uint32_t spi) {
  const auto found = inbound_.find(spi);
  return found == inbound_.end() ? nullptr : &found->second;
}

Sad::Entry<OutboundSa>* Sad::find_outbound(uint32_t tunnel, uint32_t spi) {
  const auto found = tunnels_.find(tunnel);
  if (found == tunnels_.end()) return nullptr;
  const auto entry = found->second.outbound.find(spi);
  return entry == found->second.outbound.end() ? nullptr : &entry->second;
}

template <class Result, class Act>
Result Sad::with_entry(const SaName& name, Result otherwise, Act act) {
  if (name.is_inbound) {
    auto* const entry = find_inbound(name.spi);
    return entry == nullptr ? otherwise : act(*entry);
  }
  auto* const entry = find_outbound(name.tunnel, name.spi);
  return entry == nullptr ? otherwise : act(*entry);
}

SadVerdict Sad::add(const SaDescription& description, uint64_t now) {
  const SaName name{description.is_inbound, description.spi, description.tunnel};
  const KeyFingerprint fingerprint = fingerprint_of(description);
  enum class Known { kNo, kSame, kOther, kUnexpected };
  // An SA that is there already is charon repeating itself after a reconnect, and keeps its numbers
  // and age.
  const Known known = with_entry(name, Known::kNo, [&](auto& entry) {
    if (!entry.life.is_orphan && entry.life.is_repeated) return Known::kUnexpected;
    if (entry.fingerprint != fingerprint) return Known::kOther;
    entry.life.is_orphan = false;
    entry.life.is_repeated = true;
    move_path(entry, description.path);
    return Known::kSame;
  });
  if (known == Known::kUnexpected) return SadVerdict::kExists;
  if (known == Known::kOther) drop(name);
  const SadVerdict verdict =
      known == Known::kSame ? SadVerdict::kOk : install(description, fingerprint, now);
  if (verdict == SadVerdict::kOk) {
    if (name.is_inbound) reservations_.erase(name.spi);
    settle_orphans(name.tunnel, now);
  }
  publish(name.tunnel);
  return verdict;
}

SadVerdict Sad::install(const SaDescription& description, const KeyFingerprint& fingerprint,
                        uint64_t now) {
  const bool has_slot = arena_.knows(description.is_inbound, description.spi, fingerprint);
  if (description.is_repeated && !has_slot) return SadVerdict::kNumbersLost;
  if (!has_slot && !has_room(description.tunnel)) return SadVerdict::kTunnelFull;
  const auto slot =
      arena_.claim(description.is_inbound, description.spi, fingerprint, description.replay_window);
  if (!slot)
    return slot.error().code == ErrorCode::kConflict ? SadVerdict::kExists : SadVerdict::kFull;

  const SaName name{description.is_inbound, description.spi, description.tunnel};
  SlotClaim claim(arena_, *slot);
  Tunnel& tunnel = tunnels_[name.tunnel];
  Lifetime* life;
  if (name.is_inbound) {
    InboundSa* const sa = view_.make_inbound(context_, description, std::move(claim));
    life = &inbound_.emplace(name.spi, Entry<InboundSa>{sa, fingerprint, {}}).first->second.life;
    tunnel.inbound.insert(name.spi);
    view_.put_inbound(name.spi, sa);
    use_peer(description.path.remote.address);
  } else {
    OutboundSa* const sa = view_.make_outbound(context_, description, std::move(claim));
    life = &tunnel.outbound.emplace(name.spi, Entry<OutboundSa>{sa, fingerprint, {}})
                .first->second.life;
  }
  life->added = now;
  if (description.hard_seconds != 0 && description.hard_seconds <= UINT64_MAX - now)
    set_end(name, *life, now + description.hard_seconds);
  return SadVerdict::kOk;
}

void Sad::set_end(const SaName& name, Lifetime& life, uint64_t ends) {
  if (life.ends != 0) deadlines_.erase({life.ends, name});
  life.ends = ends;
  if (ends != 0) deadlines_.insert({ends, name});
}

bool Sad::has_room(uint32_t id) const {
  const auto found = tunnels_.find(id);
  const size_t has =
      found == tunnels_.end() ? 0 : found->second.outbound.size() + found->second.inbound.size();
  return has < kFewSas || (has < kMaxSasOfTunnel && arena_.used_slots() < arena_.slots() / 2);
}

void Sad::use_peer(uint32_t address) {
  if (peers_[address]++ == 0) view_.put_peer(address, true);
}

void Sad::drop_peer(uint32_t address) {
  const auto found = peers_.find(address);
  if (--found->second > 0) return;
  peers_.erase(found);
  view_.put_peer(address, false);
}

SadVerdict Sad::move(const SaName& name, const OuterPath& path) {
  return with_entry(name, SadVerdict::kNotFound, [&](auto& entry) {
    move_path(entry, path);
    return SadVerdict::kOk;
  });
}

template <class Sa>
void Sad::move_path(Entry<Sa>& entry, const OuterPath& path) {
  if constexpr (std::is_same_v<Sa, InboundSa>) {
    use_peer(path.remote.address);
    drop_peer(entry.sa->path().remote.address);
  }
  entry.sa->move_path(path);
}

std::optional<SaUse> Sad::usage(const SaName& name) {
  return with_entry(name, std::optional<SaUse>(),
                    [](const auto& entry) { return std::optional(use_of(*entry.sa)); });
}

SadVerdict Sad::remove(const SaName& name) {
  if (name.is_inbound && reservations_.erase(name.spi) != 0) return SadVerdict::kOk;
  const auto tunnel = with_entry(name, std::optional<uint32_t>(), [](const auto& entry) {
    return std::optional(entry.sa->tunnel());
  });
  if (!tunnel) return SadVerdict::kNotFound;
  drop(name);
  publish(*tunnel);
  return SadVerdict::kOk;
}

void Sad::flush_sas() {
  drop_sas([](const auto&) { return true; });
  reservations_.clear();
  publish_all();
}

void Sad::drop(SaName name) {
  if (name.is_inbound) {
    auto* const entry = find_inbound(name.spi);
    name.tunnel = entry->sa->tunnel();
    set_end(name, entry->life, 0);
    entry->sa->forget();
    drop_peer(entry->sa->path().remote.address);
    moves_.erase(name.spi);
    view_.put_inbound(name.spi, nullptr);
    inbound_.erase(name.spi);
    tunnels_[name.tunnel].inbound.erase(name.spi);
    return;
  }
  auto* const entry = find_outbound(name.tunnel, name.spi);
  set_end(name, entry->life, 0);
  entry->sa->forget();
  dropped_.push_back(entry->sa);
  tunnels_[name.tunnel].outbound.erase(name.spi);
}

template <class Which>
void Sad::drop_sas_of(uint32_t id, Which which) {
  Tunnel& tunnel = tunnels_[id];
  for (auto at = tunnel.outbound.begin(); at != tunnel.outbound.end();) {
    const auto next = std::next(at);
    if (which(at->second)) drop({false, at->first, id});
    at = next;
  }
  for (auto at = tunnel.inbound.begin(); at != tunnel.inbound.end();) {
    const auto next = std::next(at);
    if (which(*find_inbound(*at))) drop({true, *at, id});
    at = next;
  }
}

template <class Which>
void Sad::drop_sas(Which which) {
  for (const auto& [id, tunnel] : tunnels_) drop_sas_of(id, which);
}

SadVerdict Sad::add_policy(const PolicyDescription& policy, uint64_t now) {
  Tunnel& tunnel = tunnels_[policy.tunnel];
  const auto known = std::ranges::find_if(
      tunnel.policies, [&](const Policy& other) { return other.description == policy; });
  if (known != tunnel.policies.end() && !known->is_orphan) {
    known->uses = known->is_repeated ? known->uses + 1 : 1;
    known->is_repeated = true;
    return SadVerdict::kOk;
  }
  const size_t has = tunnel.policies.size();
  const bool is_full = policy_count_ >= kMaxPolicies;
  const bool has_share =
      has < kFewPolicies || (has < kMaxPoliciesOfTunnel && policy_count_ < kMaxPolicies / 2);
  if (!is_full && has_share) {
    Policy added{policy, nullptr};
    if (is_trap(policy)) added.trap = std::make_shared<Trap>(policy.reqid, selectors_of(policy));
    tunnel.policies.push_back(std::move(added));
    ++policy_count_;
    settle_orphans(policy.tunnel, now);
  }
  publish(policy.tunnel);
  if (is_full) return SadVerdict::kFull;
  return has_share ? SadVerdict::kOk : SadVerdict::kTunnelFull;
}

SadVerdict Sad::remove_policy(const PolicyDescription& policy) {
  const auto found = tunnels_.find(policy.tunnel);
  if (found == tunnels_.end()) return SadVerdict::kNotFound;
  std::vector<Policy>& policies = found->second.policies;
  const auto known = std::ranges::find_if(policies, [&](const Policy& other) {
    return !other.is_orphan && other.description == policy;
  });
  if (known == policies.end()) return SadVerdict::kNotFound;
  if (--known->uses > 0) return SadVerdict::kOk;
  policies.erase(known);
  --policy_count_;
  publish(policy.tunnel);
  return SadVerdict::kOk;
}

std::optional<SaUse> Sad::policy_usage(const PolicyDescription& policy) {
  const auto found = tunnels_.find(policy.tunnel);
  if (found == tunnels_.end()) return std::nullopt;
  const bool is_known = std::ranges::any_of(
      found->second.policies, [&](const Policy& other) { return other.description == policy; });
  if (!is_known) return std::nullopt;
  const auto use = usage({policy.direction != Direction::kOut, policy.spi, policy.tunnel});
  return use ? *use : SaUse{};
}

void Sad::flush_policies() {
  drop_policies([](const Policy&) { return true; });
  publish_all();
}

template <class Which>
void Sad::drop_policies_of(Tunnel& tunnel, Which which) {
  policy_count_ -= std::erase_if(tunnel.policies, which);
}

template <class Which>
void Sad::drop_policies(Which which) {
  for (auto& [id, tunnel] : tunnels_) drop_policies_of(tunnel, which);
}

bool Sad::is_carried_by_new_sa(const Tunnel& tunnel) {
  return std::ranges::any_of(tunnel.policies, [&](const Policy& policy) {
    if (policy.is_orphan || !names_outbound_sa(policy.description)) return false;
    const auto sa = tunnel.outbound.find(policy.description.spi);
    return sa != tunnel.outbound.end() && !sa->second.life.is_orphan;
  });
}

// Outbound at once, for the new SA carries everything from now on; inbound later, for the peer may
// still send with what it had.
void Sad::settle_orphans(uint32_t id, uint64_t now) {
  Tunnel& tunnel = tunnels_[id];
  if (!is_carried_by_new_sa(tunnel)) return;
  for (auto at = tunnel.outbound.begin(); at != tunnel.outbound.end();) {
    const auto next = std::next(at);
    if (at->second.life.is_orphan) drop({false, at->first, id});
    at = next;
  }
  for (const uint32_t spi : tunnel.inbound) {
    Lifetime& life = find_inbound(spi)->life;
    const uint64_t end = now + kInboundGraceSeconds;
    if (life.is_orphan && (life.ends == 0 || life.ends > end)) set_end({true, spi, id}, life, end);
  }
  drop_policies_of(tunnel, [](const Policy& policy) { return policy.is_orphan; });
}

void Sad::publish(uint32_t id) {
  const auto found = tunnels_.find(id);
  SadView::Policies seen;
  if (found != tunnels_.end()) {
    const Tunnel& tunnel = found->second;
    for (auto policy = tunnel.policies.rbegin(); policy != tunnel.policies.rend(); ++policy) {
      if (policy->trap) seen.traps.push_back(policy->trap);
      if (!names_outbound_sa(policy->description)) continue;
      const auto sa = tunnel.outbound.find(policy->description.spi);
      if (sa == tunnel.outbound.end()) continue;
      seen.candidates.push_back(
          {sa->second.sa, policy->description.source, policy->description.destination});
    }
    if (tunnel.is_empty()) tunnels_.erase(found);
  }
  view_.put_policies(id, std::move(seen));
  for (OutboundSa* const sa : dropped_) view_.retire(sa);
  dropped_.clear();
  view_.collect();
}

// Of what was dropped in many tunnels nothing may go before all of them are shown without it.
void Sad::publish_all() {
  std::vector<OutboundSa*> dropped = std::exchange(dropped_, {});
  for (auto at = tunnels_.begin(); at != tunnels_.end();) {
    const uint32_t id = at->first;
    ++at;
    publish(id);
  }
  for (OutboundSa* const sa : dropped) view_.retire(sa);
  view_.collect();
}

bool Sad::take_move(const SaEvent& move, uint64_t now) {
  if (find_inbound(move.spi) == nullptr) return false;
  Move& told = moves_[move.spi];
  if (told.told == move.remote || (told.told != Endpoint{} && now < told.at + 1)) return false;
  told = {move.remote, now};
  return true;
}

std::vector<SaEvent> Sad::late_moves(uint64_t now) {
  std::vector<SaEvent> moves;
  for (auto at = moves_.begin(); at != moves_.end();) {
    const auto here = at++;
    auto& [spi, told] = *here;
    if (now < told.at + 1) continue;
    const InboundSa& sa = *find_inbound(spi)->sa;
    const Endpoint newest = sa.moved_to.load();
    if (newest == Endpoint{} || newest == told.told || newest == sa.path().remote) {
      moves_.erase(here);
      continue;
    }
    moves.push_back(event_about(sa, true, SaEvent::Kind::kMappingChanged));
    moves.back().remote = newest;
    told = {newest, now};
  }
  return moves;
}

void Sad::wished(const SaEvent& acquire, bool is_heard, uint64_t now) {
  wishes_[acquire.tunnel] = {acquire.flow, now, is_heard};
}

const Trap* Sad::trap_for(uint32_t tunnel, const InnerFlow& flow) const {
  const SadView::Selection selection = view_.select(tunnel, flow);
  return selection.answer == SadView::Selection::Answer::kAcquire ? selection.trap : nullptr;
}

std::vector<SaEvent> Sad::unheard_wishes(uint64_t now) {
  std::erase_if(wishes_, [&](const auto& wish) {
    return now >= wish.second.since + kWishSeconds ||
           view_.select(wish.first, wish.second.flow).sa != nullptr;
  });
  std::vector<SaEvent> unheard;
  for (auto& [tunnel, wish] : wishes_) {
    const Trap* trap = wish.is_heard ? nullptr : trap_for(tunnel, wish.flow);
    if (trap == nullptr) continue;
    wish.is_heard = true;
    SaEvent event{};
    event.kind = SaEvent::Kind::kAcquire;
    event.tunnel = tunnel;
    event.reqid = trap->reqid();
    event.flow = wish.flow;
    unheard.push_back(event);
  }
  return unheard;
}

// Orphans are left out: this charon does not know them.
std::vector<SaEvent> Sad::pending_events(uint64_t now) {
  std::vector<SaEvent> events = unheard_wishes(now);
  const auto add_limit = [&](const auto& entry, bool is_inbound) {
    const SaUsage::Reached reached = entry.sa->reached();
    if (entry.life.is_orphan || reached == SaUsage::Reached::kNothing) return;
    events.push_back(event_about(*entry.sa, is_inbound, event_kind_of(reached)));
  };
  for (const auto& [id, tunnel] : tunnels_) {
    for (const auto& [spi, entry] : tunnel.outbound) add_limit(entry, false);
  }
  for (const auto& [spi, entry] : inbound_) {
    add_limit(entry, true);
    const Endpoint moved_to = entry.sa->moved_to.load();
    if (entry.life.is_orphan || moved_to == Endpoint{} || moved_to == entry.sa->path().remote)
      continue;
    SaEvent event = event_about(*entry.sa, true, SaEvent::Kind::kMappingChanged);
    event.remote = moved_to;
    events.push_back(event);
  }
  return events;
}

std::vector<Sad::Row> Sad::rows() const {
  std::vector<Row> rows;
  for (const auto& [spi, entry] : inbound_)
    rows.push_back({{true, spi, entry.sa->tunnel()}, use_of(*entry.sa)});
  for (const auto& [id, tunnel] : tunnels_) {
    for (const auto& [spi, entry] : tunnel.outbound)
      rows.push_back({{false, spi, id}, use_of(*entry.sa)});
  }
  return rows;
}

}  // namespace farspan::ipsec
