// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/tunnels/duplicate_sas.h"

#include <algorithm>
#include <tuple>

namespace farspan::tunnels {
namespace {

bool is_installed(const ChildSaStatus& child) { return child.state == "INSTALLED"; }

bool covers(const ChildSaStatus& one, const ChildSaStatus& other) {
  return one.local_subnets == other.local_subnets && one.remote_subnets == other.remote_subnets;
}

/// The IKE SAs one of which is too many, or nothing: a rekey is under way and settles itself.
std::vector<const IkeSa*> rivals(const std::vector<IkeSa>& sas) {
  std::vector<const IkeSa*> found;
  for (const IkeSa& sa : sas) {
    if (sa.is_established && !sa.is_settled) return {};
    if (sa.is_settled && sa.version == 2) found.push_back(&sa);
  }
  return found;
}

const IkeSa& to_keep(const std::vector<const IkeSa*>& sas) {
  return **std::ranges::max_element(sas, {}, [](const IkeSa* sa) {
    return std::tuple(sa->status.is_child_established, sa->is_initiator,
                      ~sa->status.ike_age_seconds, sa->unique_id);
  });
}

/// The Child SAs of `kept` that carry what those of `other` carry and prove nothing yet: they were
/// there `before`. Nothing when it does not carry all of it, as while one is being rekeyed.
std::optional<std::set<std::string>> unproven_children(const TunnelStatus& kept,
                                                       const TunnelStatus& other,
                                                       const std::set<std::string>& before) {
  const auto is_new = [&](const ChildSaStatus& child) {
    return !before.empty() && !before.contains(child.unique_id);
  };
  std::set<std::string> unproven;
  for (const ChildSaStatus& needed : other.children) {
    const ChildSaStatus* found = nullptr;
    for (const ChildSaStatus& child : kept.children) {
      if (is_installed(child) && covers(child, needed) && (found == nullptr || is_new(child)))
        found = &child;
    }
    if (found == nullptr) return std::nullopt;
    if (!is_new(*found)) unproven.insert(found->unique_id);
  }
  return unproven;
}

std::set<std::string> ids_of(const std::vector<const IkeSa*>& sas) {
  std::set<std::string> ids;
  for (const IkeSa* sa : sas) ids.insert(sa->unique_id);
  return ids;
}

}  // namespace

DuplicateSas::Remedy DuplicateSas::look(nodestate::TunnelId tunnel, const std::vector<IkeSa>& sas,
                                        Clock::time_point now) {
  const std::vector<const IkeSa*> all = rivals(sas);
  if (all.size() < 2) {
    const auto seen = seen_.find(tunnel);
    if (seen != seen_.end() && now - seen->second.changed_at >= kLongestOverlap) seen_.erase(seen);
    return {};
  }
  Seen& seen = seen_[tunnel];
  if (auto ids = ids_of(all); seen.ike_sas != ids)
    seen = {std::move(ids), now + seen.overlap, seen.overlap, {}, {}, seen.rekeyed_at, now};
  if (now < seen.not_before) return {};

  const IkeSa& kept = to_keep(all);
  if (!kept.status.is_child_established) return {};
  if (seen.kept != kept.unique_id) seen.replaced.clear();
  seen.kept = kept.unique_id;
  Remedy remedy;
  std::set<std::string> to_rekey;
  for (const IkeSa* sa : all) {
    if (sa == &kept) continue;
    auto unproven = unproven_children(kept.status, sa->status, seen.replaced);
    if (!unproven) continue;
    if (unproven->empty()) remedy.end_ike_sas.push_back(sa->unique_id);
    to_rekey.merge(*unproven);
  }
  const bool is_rekey_due =
      !seen.rekeyed_at || now - *seen.rekeyed_at >= std::max(kRekeyPatience, seen.overlap);
  if (!to_rekey.empty() && is_rekey_due) {
    remedy.rekey_children.assign(to_rekey.begin(), to_rekey.end());
    if (seen.replaced.empty()) {
      for (const ChildSaStatus& child : kept.status.children) seen.replaced.insert(child.unique_id);
    }
    seen.rekeyed_at = now;
  }
  if (remedy == Remedy{}) return remedy;
  // Once for a rekey and the end it leads to.
  if (!remedy.rekey_children.empty() || seen.replaced.empty())
    seen.overlap = std::min(2 * seen.overlap, kLongestOverlap);
  if (!remedy.end_ike_sas.empty()) seen.not_before = now + seen.overlap;
  seen.changed_at = now;
  return remedy;
}

}  // namespace farspan::tunnels
