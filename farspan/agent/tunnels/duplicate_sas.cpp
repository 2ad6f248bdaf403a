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

/// The Child SAs of `kept` that carry what those of `other` carry; nothing when they do not carry
/// all of it, as while one of them is being rekeyed.
std::optional<std::set<std::string>> covering_children(const TunnelStatus& kept,
                                                       const TunnelStatus& other) {
  std::set<std::string> covering;
  for (const ChildSaStatus& needed : other.children) {
    const auto child = std::ranges::find_if(kept.children, [&](const ChildSaStatus& one) {
      return is_installed(one) && covers(one, needed);
    });
    if (child == kept.children.end()) return std::nullopt;
    covering.insert(child->unique_id);
  }
  return covering;
}

}  // namespace

DuplicateSas::Remedy DuplicateSas::look(nodestate::TunnelId tunnel, const std::vector<IkeSa>& sas,
                                        Clock::time_point now) {
  const std::vector<const IkeSa*> all = rivals(sas);
  if (all.size() < 2) {
    const auto seen = seen_.find(tunnel);
    if (seen != seen_.end() && now - seen->second.since >= kLongestOverlap) seen_.erase(seen);
    return {};
  }
  std::set<std::string> ids;
  for (const IkeSa* sa : all) ids.insert(sa->unique_id);
  Seen& seen = seen_[tunnel];
  if (seen.ike_sas != ids) seen = {std::move(ids), now, seen.overlap};
  if (now - seen.since < seen.overlap) return {};

  const IkeSa& kept = to_keep(all);
  if (!kept.status.is_child_established) return {};
  if (seen.kept != kept.unique_id) seen.replaced.clear();
  seen.kept = kept.unique_id;
  Remedy remedy;
  std::set<std::string> to_rekey;
  for (const IkeSa* sa : all) {
    if (sa == &kept) continue;
    const auto covering = covering_children(kept.status, sa->status);
    if (!covering) continue;
    std::set<std::string> old;
    for (const std::string& child : *covering) {
      if (seen.replaced.empty() || seen.replaced.contains(child)) old.insert(child);
    }
    if (old.empty()) remedy.end_ike_sas.push_back(sa->unique_id);
    to_rekey.merge(old);
  }
  if (!to_rekey.empty() && (seen.replaced.empty() || now - seen.rekeyed_at >= kRekeyPatience)) {
    remedy.rekey_children.assign(to_rekey.begin(), to_rekey.end());
    seen.replaced = std::move(to_rekey);
    seen.rekeyed_at = now;
  }
  if (!remedy.end_ike_sas.empty()) {
    seen.since = now;
    seen.overlap = std::min(2 * seen.overlap, kLongestOverlap);
  }
  return remedy;
}

}  // namespace farspan::tunnels
