// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/ike_gate.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "farspan/base/check.h"

namespace farspan::dataplane {
namespace {

constexpr size_t kBuckets = 4096;
constexpr uint16_t kNatPort = 4500;
constexpr size_t kNonEspMarker = 4;                               // RFC 3948 §2.2
constexpr uint32_t kEmbryonicSeconds = 60, kAliveSeconds = 3600;  // since charon sent with it

// What of the IKE header we look at (RFC 7296 §3.1; RFC 2408 §3.1 has the same places).
struct IkeHeader {
  uint64_t initiator_spi, responder_spi;
  uint8_t major_version, exchange, flags;
  bool is_from_initiator() const { return (flags & 0x08) != 0; }
  /// IKE_SA_INIT; with version 1 Identity Protection and Aggressive.
  bool is_opening() const {
    return major_version == 1 ? exchange == 2 || exchange == 4 : exchange == 34;
  }
};

/// @param our_port  where the datagram came to, or goes out from
std::optional<IkeHeader> header_of(std::span<const uint8_t> bytes, uint16_t our_port) {
  if (our_port == kNatPort) {
    if (bytes.size() < kNonEspMarker) return std::nullopt;
    bytes = bytes.subspan(kNonEspMarker);
  }
  if (bytes.size() < 28) return std::nullopt;
  IkeHeader header{};
  std::memcpy(&header.initiator_spi, bytes.data(), 8);  // only compared: any order will do
  std::memcpy(&header.responder_spi, bytes.data() + 8, 8);
  header.major_version = bytes[17] >> 4;
  header.exchange = bytes[18];
  header.flags = bytes[19];
  return header;
}

uint32_t seconds_of(IkeGate::Instant now) {
  return static_cast<uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
}

}  // namespace

IkeGate::IkeGate()
    : peers_(kBuckets, TokenBucket(kPeerRate, kPeerBurst)),
      prefixes_(kBuckets, TokenBucket(kPrefixRate, kPrefixBurst)),
      opening_(kOpeningRate, kOpeningBurst),
      going_on_(kGoingOnRate, kGoingOnBurst),
      spis_(kSets * kWays) {
  FS_CHECK(::getrandom(&key_, sizeof key_, 0) == sizeof key_);
}

std::optional<DropReason> IkeGate::judge(const IkeDatagram& datagram, bool is_peer, Instant now) {
  const uint32_t address = datagram.source.address;
  if (is_peer) {
    if (at(peers_, address).take(now)) return std::nullopt;
    return DropReason::kIkePeerLimit;
  }
  const auto header = header_of(datagram.payload, datagram.destination.port);
  if (!header) return DropReason::kMalformedIke;
  const bool opens = header->responder_spi == 0;
  // Version 1 does not say which SPI is ours.
  const uint32_t seconds = seconds_of(now);
  const bool is_known =
      header->major_version == 1
          ? is_alive(header->initiator_spi, seconds) || is_alive(header->responder_spi, seconds)
          : is_alive(header->is_from_initiator() ? header->responder_spi : header->initiator_spi,
                     seconds);
  if (!opens && !is_known) return DropReason::kIkeUnknownSpi;
  // The prefix first: one that asks too much must not take what is there for all.
  if (!at(prefixes_, address >> 8).take(now)) return DropReason::kIkeStrangerLimit;
  if (!(opens ? opening_ : going_on_).take(now)) return DropReason::kIkeStrangerLimit;
  return std::nullopt;
}

void IkeGate::sent(const IkeDatagram& datagram, Instant now) {
  const auto header = header_of(datagram.payload, datagram.source.port);
  if (!header) return;  // a keepalive
  const uint32_t seconds = seconds_of(now);
  if (header->major_version == 1) {
    remember(header->initiator_spi, header->is_opening(), seconds);
    remember(header->responder_spi, header->is_opening(), seconds);
  } else {
    remember(header->is_from_initiator() ? header->initiator_spi : header->responder_spi,
             header->is_opening(), seconds);
  }
}

uint64_t IkeGate::hash(uint64_t key) const {
  uint64_t mixed = (key ^ key_) * 0x9E3779B97F4A7C15;
  mixed = (mixed ^ (mixed >> 32) ^ (key_ << 7)) * 0xD6E8FEB86659FD93;
  return mixed ^ (mixed >> 32);
}

TokenBucket& IkeGate::at(std::vector<TokenBucket>& buckets, uint32_t key) const {
  return buckets[hash(key) % buckets.size()];
}

bool IkeGate::is_alive(uint64_t spi, uint32_t now_seconds) const {
  if (spi == 0) return false;
  const std::span set = std::span(spis_).subspan(hash(spi) % kSets * kWays, kWays);
  return std::ranges::any_of(set, [&](const Spi& place) {
    return place.spi == spi && now_seconds - place.last_seconds <=
                                   (place.is_embryonic ? kEmbryonicSeconds : kAliveSeconds);
  });
}

// In the place it has, or of one that is only being opened, or of the one that was silent longest.
void IkeGate::remember(uint64_t spi, bool is_embryonic, uint32_t now_seconds) {
  if (spi == 0) return;
  const std::span set = std::span(spis_).subspan(hash(spi) % kSets * kWays, kWays);
  auto place = std::ranges::find(set, spi, &Spi::spi);
  const bool was_alive = place != set.end() && !place->is_embryonic;
  if (place == set.end()) {
    place = std::ranges::min_element(set, [](const Spi& a, const Spi& b) {
      return std::pair(!a.is_embryonic, a.last_seconds) <
             std::pair(!b.is_embryonic, b.last_seconds);
    });
    if (const auto empty = std::ranges::find(set, uint64_t{0}, &Spi::spi); empty != set.end())
      place = empty;
  }
  *place = {spi, now_seconds, is_embryonic && !was_alive};
}

}  // namespace farspan::dataplane
