// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ipsec/sad.h"

#include <sys/random.h>

#include <algorithm>

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

uint32_t tunnel_of(uint32_t, const InboundSa& sa) { return sa.tunnel(); }
uint32_t tunnel_of(const std::pair<uint32_t, uint32_t>& key, const OutboundSa&) {
  return key.first;
}

}  // namespace

Sad::Sad(SequenceArena& arena, crypto::Context& context) : arena_(arena), context_(context) {}
Sad::~Sad() = default;

template <class Mark>
void Sad::for_each_lifetime(Mark mark) {
  for (auto& [key, entry] : inbound_) mark(entry.life);
  for (auto& [key, entry] : outbound_) mark(entry.life);
  for (auto& [tunnel, policies] : policies_) {
    for (Policy& policy : policies) mark(policy);
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
    has_orphans_ = true;
  }
  reservations_.clear();  // they were the earlier charon's
  is_first_repetition_ = is_first_repetition_ || !has_instance_;
  instance_ = instance;
  has_instance_ = true;
}

void Sad::synced(uint64_t now) {
  is_first_repetition_ = false;
  drop_policies([](const Policy& policy) { return !policy.is_repeated; });
  drop_sas(outbound_, [](const auto& entry) { return !entry.life.is_repeated; });
  drop_sas(inbound_, [](const auto& entry) { return !entry.life.is_repeated; });
  arena_.release_unclaimed();
  tick(now);
}

bool Sad::tick(uint64_t now) {
  std::erase_if(reservations_,
                [now](const auto& reservation) { return now >= reservation.second; });
  const auto is_over = [now](const auto& entry) {
    return entry.life.ends != 0 && now >= entry.life.ends;
  };
  drop_sas(outbound_, is_over);
  drop_sas(inbound_, is_over);
  if (has_orphans_) {
    drop_policies([this](const Policy& policy) {
      return policy.is_orphan &&
             !outbound_.contains({policy.description.tunnel, policy.description.spi});
    });
  }
  return is_changed_;
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

SadVerdict Sad::add(const SaDescription& description, uint64_t now) {
  if (description.is_inbound) {
    const SadVerdict verdict = install(inbound_, description.spi, description, now);
    if (verdict == SadVerdict::kOk) reservations_.erase(description.spi);
    return verdict;
  }
  const SadVerdict verdict =
      install(outbound_, OutboundKey{description.tunnel, description.spi}, description, now);
  if (verdict == SadVerdict::kOk) settle_orphans(description.tunnel, now);
  return verdict;
}

// An SA that is there already is charon repeating itself after a reconnect, and keeps its numbers
// and age.
template <class Sa, class Key>
SadVerdict Sad::install(std::map<Key, Entry<Sa>>& sas, const Key& key,
                        const SaDescription& description, uint64_t now) {
  const KeyFingerprint fingerprint = fingerprint_of(description);
  if (const auto known = sas.find(key); known != sas.end()) {
    Entry<Sa>& entry = known->second;
    const bool is_expected = entry.life.is_orphan || !entry.life.is_repeated;
    if (is_expected && entry.fingerprint == fingerprint) {
      entry.life.is_orphan = false;
      entry.life.is_repeated = true;
      entry.sa->move_path(description.path);
      return SadVerdict::kOk;
    }
    if (!is_expected) return SadVerdict::kExists;
    const Sa* replaced = entry.sa.get();
    drop_sas(sas, [replaced](const auto& other) { return other.sa.get() == replaced; });
  }
  if (is_first_repetition_ && arena_.is_new()) return SadVerdict::kNotFound;
  if (inbound_.size() + outbound_.size() >= kMaxSas) return SadVerdict::kFull;
  const auto slot = arena_.claim(description.is_inbound, description.spi, fingerprint);
  if (!slot)
    return slot.error().code == ErrorCode::kConflict ? SadVerdict::kExists : SadVerdict::kFull;

  Lifetime life;
  life.added = now;
  life.ends = description.hard_seconds == 0 || description.hard_seconds > UINT64_MAX - now
                  ? 0
                  : now + description.hard_seconds;
  auto sa = std::make_shared<Sa>(context_, description, SlotClaim(arena_, *slot));
  sas.emplace(key, Entry<Sa>{std::move(sa), fingerprint, life});
  touch(description.tunnel);
  return SadVerdict::kOk;
}

SadVerdict Sad::move(const SaName& name, const OuterPath& path) {
  if (name.is_inbound) {
    const auto found = inbound_.find(name.spi);
    if (found == inbound_.end()) return SadVerdict::kNotFound;
    found->second.sa->move_path(path);
    return SadVerdict::kOk;
  }
  const auto found = outbound_.find({name.tunnel, name.spi});
  if (found == outbound_.end()) return SadVerdict::kNotFound;
  found->second.sa->move_path(path);
  return SadVerdict::kOk;
}

std::optional<SaUse> Sad::usage(const SaName& name) const {
  if (name.is_inbound) {
    const auto found = inbound_.find(name.spi);
    return found == inbound_.end() ? std::nullopt : std::optional(use_of(*found->second.sa));
  }
  const auto found = outbound_.find({name.tunnel, name.spi});
  return found == outbound_.end() ? std::nullopt : std::optional(use_of(*found->second.sa));
}

SadVerdict Sad::remove(const SaName& name) {
  if (name.is_inbound) {
    if (reservations_.erase(name.spi) != 0) return SadVerdict::kOk;
    const auto found = inbound_.find(name.spi);
    if (found == inbound_.end()) return SadVerdict::kNotFound;
    found->second.sa->forget();
    inbound_.erase(found);
    is_changed_ = true;
    return SadVerdict::kOk;
  }
  const auto found = outbound_.find({name.tunnel, name.spi});
  if (found == outbound_.end()) return SadVerdict::kNotFound;
  found->second.sa->forget();
  outbound_.erase(found);
  touch(name.tunnel);
  return SadVerdict::kOk;
}

void Sad::flush_sas() {
  drop_sas(outbound_, [](const auto&) { return true; });
  drop_sas(inbound_, [](const auto&) { return true; });
  reservations_.clear();
}

template <class Sa, class Key, class Which>
void Sad::drop_sas(std::map<Key, Entry<Sa>>& sas, Which which) {
  for (auto at = sas.begin(); at != sas.end();) {
    const auto next = std::next(at);
    if (which(at->second)) {
      at->second.sa->forget();
      touch(tunnel_of(at->first, *at->second.sa));
      sas.erase(at);
    }
    at = next;
  }
}

SadVerdict Sad::add_policy(const PolicyDescription& policy, uint64_t now) {
  Policies& policies = policies_[policy.tunnel];
  const auto known = std::find_if(policies.begin(), policies.end(),
                                  [&](const Policy& other) { return other.description == policy; });
  if (known != policies.end() && !known->is_orphan) {
    known->uses = known->is_repeated ? known->uses + 1 : 1;
    known->is_repeated = true;
    return SadVerdict::kOk;
  }
  if (policy_count_ >= kMaxPolicies) {
    if (policies.empty()) policies_.erase(policy.tunnel);
    return SadVerdict::kFull;
  }
  Policy added{policy, nullptr};
  if (is_trap(policy)) added.trap = std::make_shared<Trap>(policy.reqid, selectors_of(policy));
  policies.push_back(std::move(added));
  ++policy_count_;
  if (policy.direction == Direction::kOut) touch(policy.tunnel);
  settle_orphans(policy.tunnel, now);
  return SadVerdict::kOk;
}

SadVerdict Sad::remove_policy(const PolicyDescription& policy) {
  const auto found = policies_.find(policy.tunnel);
  if (found == policies_.end()) return SadVerdict::kNotFound;
  Policies& policies = found->second;
  const auto known = std::find_if(policies.begin(), policies.end(), [&](const Policy& other) {
    return !other.is_orphan && other.description == policy;
  });
  if (known == policies.end()) return SadVerdict::kNotFound;
  if (--known->uses > 0) return SadVerdict::kOk;
  policies.erase(known);
  --policy_count_;
  if (policies.empty()) policies_.erase(found);
  if (policy.direction == Direction::kOut) touch(policy.tunnel);
  return SadVerdict::kOk;
}

std::optional<SaUse> Sad::policy_usage(const PolicyDescription& policy) const {
  const auto found = policies_.find(policy.tunnel);
  if (found == policies_.end()) return std::nullopt;
  const bool is_known =
      std::any_of(found->second.begin(), found->second.end(),
                  [&](const Policy& other) { return other.description == policy; });
  if (!is_known) return std::nullopt;
  const auto use = usage({policy.direction != Direction::kOut, policy.spi, policy.tunnel});
  return use ? *use : SaUse{};
}

void Sad::flush_policies() {
  drop_policies([](const Policy&) { return true; });
}

template <class Which>
void Sad::drop_policies(Which which) {
  for (auto at = policies_.begin(); at != policies_.end();) {
    const auto next = std::next(at);
    const size_t dropped = std::erase_if(at->second, which);
    policy_count_ -= dropped;
    if (dropped > 0) touch(at->first);
    if (at->second.empty()) policies_.erase(at);
    at = next;
  }
}

bool Sad::is_carried_by_new_sa(uint32_t tunnel) const {
  const auto found = policies_.find(tunnel);
  if (found == policies_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const Policy& policy) {
    if (policy.is_orphan || !names_outbound_sa(policy.description)) return false;
    const auto sa = outbound_.find({tunnel, policy.description.spi});
    return sa != outbound_.end() && !sa->second.life.is_orphan;
  });
}

// Outbound at once, for the new SA carries everything from now on; inbound later, for the peer may
// still send with what it had.
void Sad::settle_orphans(uint32_t tunnel, uint64_t now) {
  if (!has_orphans_ || !is_carried_by_new_sa(tunnel)) return;
  drop_sas(outbound_, [tunnel](const auto& entry) {
    return entry.life.is_orphan && entry.sa->tunnel() == tunnel;
  });
  has_orphans_ = false;
  for (auto& [spi, entry] : inbound_) {
    if (!entry.life.is_orphan) continue;
    has_orphans_ = true;
    if (entry.sa->tunnel() != tunnel) continue;
    const uint64_t end = now + kInboundGraceSeconds;
    if (entry.life.ends == 0 || entry.life.ends > end) entry.life.ends = end;
  }
  for (const auto& [key, entry] : outbound_) has_orphans_ |= entry.life.is_orphan;
  drop_policies([tunnel](const Policy& policy) {
    return policy.is_orphan && policy.description.tunnel == tunnel;
  });
}

void Sad::wished(const SaEvent& acquire, bool is_heard, uint64_t now) {
  wishes_[acquire.tunnel] = {acquire.flow, now, is_heard};
}

bool Sad::is_carried(uint32_t tunnel, const InnerFlow& flow) const {
  const auto policies = policies_.find(tunnel);
  if (policies == policies_.end()) return false;
  return std::ranges::any_of(tunnel_view(tunnel, policies->second)->candidates,
                             [&](const auto& sa) { return sa.selectors.covers(flow); });
}

const Trap* Sad::trap_for(uint32_t tunnel, const InnerFlow& flow) const {
  const auto policies = policies_.find(tunnel);
  if (policies == policies_.end()) return nullptr;
  for (const Policy& policy : policies->second) {
    if (policy.trap && policy.trap->selectors().covers(flow)) return policy.trap.get();
  }
  return nullptr;
}

std::vector<SaEvent> Sad::unheard_wishes(uint64_t now) {
  std::erase_if(wishes_, [&](const auto& wish) {
    return now >= wish.second.since + kWishSeconds || is_carried(wish.first, wish.second.flow);
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
    const SaUsage::Reached reached = entry.sa->usage.reached();
    if (entry.life.is_orphan || reached == SaUsage::Reached::kNothing) return;
    events.push_back(event_about(*entry.sa, is_inbound, event_kind_of(reached)));
  };
  for (const auto& [key, entry] : outbound_) add_limit(entry, false);
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

void Sad::touch(uint32_t tunnel) {
  changed_tunnels_.insert(tunnel);
  is_changed_ = true;
}

std::shared_ptr<const SadView::Tunnel> Sad::tunnel_view(uint32_t tunnel,
                                                        const Policies& policies) const {
  auto view = std::make_shared<SadView::Tunnel>();
  for (auto policy = policies.rbegin(); policy != policies.rend(); ++policy) {
    if (policy->trap) view->traps.push_back(policy->trap);
    if (!names_outbound_sa(policy->description)) continue;
    const auto sa = outbound_.find({tunnel, policy->description.spi});
    if (sa == outbound_.end()) continue;
    view->candidates.push_back({sa->second.sa, selectors_of(policy->description)});
  }
  return view;
}

std::shared_ptr<const SadView> Sad::view() {
  for (const uint32_t tunnel : changed_tunnels_) {
    tunnels_.erase(tunnel);
    const auto policies = policies_.find(tunnel);
    if (policies == policies_.end()) continue;
    auto view = tunnel_view(tunnel, policies->second);
    if (!view->candidates.empty() || !view->traps.empty())
      tunnels_.emplace(tunnel, std::move(view));
  }
  changed_tunnels_.clear();
  is_changed_ = false;
  std::vector<std::shared_ptr<InboundSa>> inbound;
  inbound.reserve(inbound_.size());
  for (const auto& [spi, entry] : inbound_) inbound.push_back(entry.sa);
  return std::shared_ptr<const SadView>(new SadView(++views_made_, std::move(inbound), tunnels_));
}

std::vector<Sad::Row> Sad::rows(uint64_t now) const {
  std::vector<Row> rows;
  rows.reserve(inbound_.size() + outbound_.size());
  const auto row = [now](const auto& entry, bool is_inbound) {
    const auto& sa = *entry.sa;
    Row filled{};
    filled.name = {is_inbound, sa.spi(), sa.tunnel()};
    filled.reqid = sa.reqid();
    filled.suite = sa.keys().suite();
    filled.has_esn = sa.has_esn();
    filled.is_orphan = entry.life.is_orphan;
    filled.path = sa.path();
    filled.use = use_of(sa);
    filled.age_seconds = now - std::min(now, entry.life.added);
    return filled;
  };
  for (const auto& [spi, entry] : inbound_) {
    rows.push_back(row(entry, true));
    rows.back().newest_sequence = entry.sa->newest();
  }
  for (const auto& [key, entry] : outbound_) {
    rows.push_back(row(entry, false));
    rows.back().newest_sequence = entry.sa->last_taken();
    const auto tunnel = policies_.find(key.first);
    if (tunnel == policies_.end()) continue;
    const auto view = tunnel_view(key.first, tunnel->second);
    rows.back().is_used_for_sending =
        !view->candidates.empty() && view->candidates.front().sa == entry.sa;
  }
  return rows;
}

}  // namespace farspan::ipsec
