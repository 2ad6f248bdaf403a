// SPDX-License-Identifier: Apache-2.0
// path_mtu: what SAs go by, and which word of a router about it counts.
//
// Nobody on the way is authenticated. A "fragmentation needed" counts if it quotes an SPI and a
// sequence number that we sent lately to that peer from that address (RFC 4301 §8.2.1): to know
// them one must have seen our packets, and whoever sees them can drop the large ones anyway.
#include "farspan/dataplane/path/plateau.h"
#include "farspan/dataplane/pipeline/pipeline.h"

namespace farspan::dataplane {
namespace {

constexpr uint64_t kMtuFreshSeconds = 60;    // changes of routes are told at once
constexpr uint32_t kMtuWithoutRoute = 1500;  // judged by this, then dropped as underlay_unreachable
// As many packets as a fast tunnel sends while a quote travels.
constexpr uint64_t kRecentPackets = 1u << 18;

bool is_recent(const ipsec::OutboundSa& sa, uint32_t sequence) {
  const uint64_t newest = sa.last_taken();
  return static_cast<uint32_t>(newest) - sequence < std::min(newest, kRecentPackets);
}

bool is_end(const io::Endpoint& quoted, const ipsec::Endpoint& ours, bool is_udp) {
  return quoted.address == ours.address && quoted.port == (is_udp ? ours.port : 0);
}

}  // namespace

void Pipeline::learn_mtu(ipsec::OutboundSa& sa) {
  const uint32_t moves = sa.moves();  // before the path: one more move, and it is learnt again
  const ipsec::OuterPath path = sa.path();
  const uint32_t route = outside_.route_mtu(path.remote.address).value_or(kMtuWithoutRoute);
  TunnelPath::InForce in_force{.mtu = route};
  if (const auto tunnel = tables_->find_tunnel(TunnelId(sa.tunnel()))) {
    TunnelPath& known = *tables_->at(*tunnel).path;
    // An older SA may still lead to where the peer was.
    const ipsec::OutboundSa* const newest = sad_->newest_outbound(sa.tunnel());
    if (newest == nullptr || newest->path().remote.address == path.remote.address)
      known.set_route(path.remote.address, route, now_seconds_, tables_->at(*tunnel).mtu);
    if (tables_->at(*tunnel).is_link) watch_link(tables_->at(*tunnel));
    in_force = known.in_force(now_seconds_);
    in_force.mtu = in_force.mtu == 0 ? route : std::min(in_force.mtu, route);
    sent_sas_.note({path.remote.address, sa.spi(), sa.tunnel()}, [&](const SentSas::Entry& entry) {
      return sad_->outbound(entry.tunnel, entry.spi) != nullptr;
    });
  }
  sa.mtu = {.underlay_mtu = in_force.mtu,
            .learnt_for = moves,
            .epoch = path_epoch_,
            .may_fragment = in_force.may_fragment,
            .fresh_until = std::min(now_seconds_ + kMtuFreshSeconds, in_force.until_seconds),
            .largest_inner = sa.max_inner_length(in_force.mtu, path.is_udp_encapsulated)};
}

void Pipeline::from_quotes(std::span<const io::Quote> quotes) {
  for (const io::Quote& quote : quotes) {
    counters_.add(Counter::kFromUnderlay);
    if (const auto reason = take_quote(quote)) {
      counters_.drop(*reason);
    } else {
      counters_.add(Counter::kConsumed);
    }
  }
}

std::optional<DropReason> Pipeline::take_quote(const io::Quote& quote) {
  if (!quote.has_esp_header) return DropReason::kShortQuote;
  const auto tunnel = sent_sas_.find(quote.destination.address, quote.spi);
  if (!tunnel) return DropReason::kForgedQuote;
  const ipsec::OutboundSa* const sa = sad_->outbound(*tunnel, quote.spi);
  const auto index = tables_->find_tunnel(TunnelId(*tunnel));
  if (sa == nullptr || !index || !is_recent(*sa, quote.sequence)) return DropReason::kForgedQuote;
  const ipsec::OuterPath path = sa->path();
  const uint32_t mtu =
      quote.next_hop_mtu != 0 ? quote.next_hop_mtu : plateau_below(quote.packet_length);
  const bool is_ours = is_end(quote.destination, path.remote, path.is_udp_encapsulated) &&
                       is_end(quote.source, path.local, path.is_udp_encapsulated) &&
                       mtu < quote.packet_length;
  if (!is_ours) return DropReason::kForgedQuote;
  if (tables_->at(*index).path->lower(mtu, MtuOrigin::kQuote, now_seconds_)) ++path_epoch_;
  return std::nullopt;
}

// At most once a second, for where routes change all the time.
void Pipeline::follow_routes() {
  if (!are_routes_changed_ || now_seconds_ == routes_followed_seconds_) return;
  are_routes_changed_ = false;
  routes_followed_seconds_ = now_seconds_;
  ++path_epoch_;
}

}  // namespace farspan::dataplane
