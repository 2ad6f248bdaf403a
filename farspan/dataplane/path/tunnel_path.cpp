// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/path/tunnel_path.h"

#include <algorithm>

namespace farspan::dataplane {
namespace {

// mtu 16 | route's 16 | since 28 | origin 4: one word, so that readers see all of one moment
constexpr unsigned kRouteShift = 16, kSinceShift = 32, kOriginShift = 60;
constexpr uint64_t kSinceMask = (uint64_t{1} << (kOriginShift - kSinceShift)) - 1;

}  // namespace

void TunnelPath::set_route(uint32_t remote, uint32_t mtu, uint64_t now_seconds, uint32_t declared) {
  if (remote != remote_) {
    learnt_ = {};
    times_kept_ = 0;
  }
  remote_ = remote;
  route_mtu_ = mtu;
  known_mtu_ = std::min(mtu, declared);
  publish(now_seconds);
}

TunnelPath::InForce TunnelPath::in_force(uint64_t now_seconds) {
  if (learnt_.mtu != 0 && now_seconds >= learnt_.until_seconds) forget(learnt_.origin, now_seconds);
  if (learnt_.mtu == 0) return {.mtu = known_mtu_};
  return {.mtu = std::min(known_mtu_, learnt_.mtu),
          .may_fragment = learnt_.may_fragment,
          .until_seconds = learnt_.until_seconds};
}

bool TunnelPath::lower(uint32_t mtu, MtuOrigin origin, uint64_t now_seconds) {
  const uint32_t wanted = std::max(mtu, kLeast);
  const uint32_t before = in_force(now_seconds).mtu;
  if (wanted > before || (wanted == before && learnt_.mtu == 0)) return false;
  const bool is_news = wanted < before || learnt_.origin != origin;
  learnt_ = {.mtu = wanted,
             .origin = origin,
             .may_fragment = mtu < kLeast || origin == MtuOrigin::kBlackHole,
             .until_seconds = now_seconds + kForgetSeconds};
  publish(now_seconds);
  return is_news;
}

// A link that carries nothing is probed less often than every ten minutes.
bool TunnelPath::probed(uint32_t mtu, uint64_t now_seconds) {
  const InForce before = in_force(now_seconds);
  learnt_ = {
      .mtu = mtu, .origin = MtuOrigin::kProbe, .until_seconds = now_seconds + 3 * kForgetSeconds};
  publish(now_seconds);
  const InForce now = in_force(now_seconds);
  return now.mtu != before.mtu || now.may_fragment != before.may_fragment;
}

bool TunnelPath::watch() {
  if (probing_ != nullptr) return false;
  probing_ = std::make_unique<LinkProbing>();
  return true;
}

bool TunnelPath::may_answer(uint64_t now_seconds) {
  constexpr uint32_t kPerSecond = 64;
  if (now_seconds != answers_second_) answers_ = 0;
  answers_second_ = now_seconds;
  return answers_++ < kPerSecond;
}

void TunnelPath::keep(uint64_t now_seconds) {
  constexpr uint32_t kMostDoublings = 5;
  if (learnt_.origin != MtuOrigin::kBlackHole) return;
  times_kept_ = std::min(times_kept_ + 1, kMostDoublings);
  learnt_.until_seconds = now_seconds + (kForgetSeconds << times_kept_);
}

bool TunnelPath::forget(MtuOrigin origin, uint64_t now_seconds) {
  if (learnt_.mtu == 0 || learnt_.origin != origin) return false;
  learnt_ = {};
  publish(now_seconds);
  return true;
}

void TunnelPath::publish(uint64_t now_seconds) {
  const bool is_learnt = learnt_.mtu != 0 && learnt_.mtu <= known_mtu_;
  const uint32_t mtu = is_learnt ? learnt_.mtu : known_mtu_;
  const MtuOrigin origin = is_learnt                 ? learnt_.origin
                           : known_mtu_ < route_mtu_ ? MtuOrigin::kDeclared
                                                     : MtuOrigin::kRoute;
  const PathReport before = report();
  const uint64_t since = before.mtu == mtu && before.origin == origin ? before.since_seconds
                                                                      : now_seconds & kSinceMask;
  report_.store(uint64_t{mtu} | uint64_t{route_mtu_} << kRouteShift | since << kSinceShift |
                    static_cast<uint64_t>(origin) << kOriginShift,
                std::memory_order_relaxed);
}

PathReport TunnelPath::report() const {
  const uint64_t bits = report_.load(std::memory_order_relaxed);
  return {.origin = static_cast<MtuOrigin>(bits >> kOriginShift),
          .mtu = static_cast<uint16_t>(bits),
          .route_mtu = static_cast<uint16_t>(bits >> kRouteShift),
          .since_seconds = bits >> kSinceShift & kSinceMask};
}

}  // namespace farspan::dataplane
