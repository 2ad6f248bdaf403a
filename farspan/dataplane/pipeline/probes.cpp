// SPDX-License-Identifier: Apache-2.0
// probes: links between nodes find their path MTU without a word from any router (RFC 8899).
//
// A link is watched from its first packet on. Probes and answers leave by its newest SA; they are
// dummy packets, so that what is no Farspan node, or an older one, discards them.
#include <algorithm>

#include "farspan/dataplane/pipeline/pipeline.h"

namespace farspan::dataplane {
namespace {
constexpr std::chrono::milliseconds kLongestWait{1000};  // how late a timeout may be
constexpr uint64_t kFirstProbeMs = 1000;
constexpr uint32_t kIpv4 = 20, kUdp = 8;  // headers around an ESP packet
}  // namespace

void Pipeline::watch_link(const TunnelEntry& link) {
  if (!link.path->watch()) return;
  if (std::find(watched_links_.begin(), watched_links_.end(), link.id) == watched_links_.end())
    watched_links_.push_back(link.id);
  probes_due_ms_ = std::min(probes_due_ms_, static_cast<uint64_t>(now_ms_.count()) + kFirstProbeMs);
}

std::chrono::milliseconds Pipeline::wait() const {
  const auto now_ms = static_cast<uint64_t>(now_ms_.count());
  if (probes_due_ms_ <= now_ms) return std::chrono::milliseconds(0);
  return std::min(std::chrono::milliseconds(std::min<uint64_t>(probes_due_ms_ - now_ms, 1000)),
                  kLongestWait);
}

void Pipeline::probe_links() {
  if (static_cast<uint64_t>(now_ms_.count()) < probes_due_ms_) return;
  probes_due_ms_ = kNever;
  flush();  // counted is what left
  std::erase_if(watched_links_, [&](TunnelId id) {
    const auto index = tables_->find_tunnel(id);
    if (!index) return true;
    const TunnelEntry& link = tables_->at(*index);
    if (link.path->probing() == nullptr) return true;  // not the row it was
    if (ipsec::OutboundSa* const sa = sad_->newest_outbound(id.value())) probe_link(link, *sa);
    probes_due_ms_ = std::min(probes_due_ms_, link.path->probing()->due_ms(now_ms_));
    return false;
  });
}

void Pipeline::probe_link(const TunnelEntry& link, ipsec::OutboundSa& sa) {
  LinkProbing& probing = *link.path->probing();
  const auto now_ms = static_cast<uint64_t>(now_ms_.count());
  const bool is_udp = sa.path().is_udp_encapsulated;
  tunnel_mtu(sa, true);  // learns what the route carries now, when that may have changed
  for (const ProbeSearch::Probe& probe :
       probing.next_round(now_ms, sa.spi(), link.counters->packets_out.value(),
                          link.path->report().route_mtu, link.path->in_force(now_seconds_).mtu)) {
    const uint32_t length = sa.max_inner_length(probe.size, is_udp);
    if (length >= PathProbe::kLength)
      send_probe({PathProbe::Kind::kAsk, probe.number}, link, sa, length);
  }
  if (const auto reached = probing.search.take_result()) {
    // Of sizes between two blocks of the cipher it was the smaller one that arrived.
    const uint32_t route = link.path->report().route_mtu;
    const bool is_all = *reached >= std::min(route, ProbeSearch::kLargest);
    const uint32_t arrived =
        kIpv4 + (is_udp ? kUdp : 0) + sa.sealed_length(sa.max_inner_length(*reached, is_udp));
    if (link.path->probed(is_all ? route : arrived, now_seconds_)) ++path_epoch_;
  }
}

void Pipeline::send_probe(const PathProbe& probe, const TunnelEntry& link, ipsec::OutboundSa& sa,
                          uint32_t length) {
  const EspSender::Way way{.sa = &sa, .tunnel = &link, .label = 0, .tos = 0, .is_dummy = true};
  counters_.add(Counter::kAnswered);
  if (LinkProbing* const probing = link.path->probing()) ++probing->own_packets;
  write_probe(probe, {sender_.place(way, length, 1).inner, length});
}

// Of a link, a dummy packet that is one. What asks too often, or answers what was not asked, is an
// ordinary dummy packet.
bool Pipeline::take_probe(const ipsec::OpenSlot& slot, TunnelIndex index) {
  const TunnelEntry& link = tables_->at(index);
  if (!link.is_link) return false;
  const auto probe = read_probe({slot.inner, slot.inner_length});
  if (!probe) return false;
  if (probe->kind == PathProbe::Kind::kAsk) {
    ipsec::OutboundSa* const sa = sad_->newest_outbound(link.id.value());
    if (sa == nullptr || !link.path->may_answer(now_seconds_)) return false;
    counters_.add(Counter::kConsumed);
    send_probe({PathProbe::Kind::kTold, probe->number}, link, *sa, PathProbe::kLength);
    return true;
  }
  LinkProbing* const probing = link.path->probing();
  const auto now_ms = static_cast<uint64_t>(now_ms_.count());
  if (probing == nullptr || !probing->search.take_answer(probe->number, now_ms)) return false;
  counters_.add(Counter::kConsumed);
  probes_due_ms_ = std::min(probes_due_ms_, probing->search.due_ms());
  return true;
}

}  // namespace farspan::dataplane
