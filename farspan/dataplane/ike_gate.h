// SPDX-License-Identifier: Apache-2.0
// IkeGate: which IKE datagrams charon hears of, decided before anything else is spent on them.
//
// Anybody can send to UDP 500. A datagram costs charon a thousand times what it costs its sender,
// so what charon is given is counted, and who is known does not wait behind who is not:
//
//   peer      an address that a tunnel is declared for, or that a living SA comes from: a bucket
//             each, so that one that was forged or has gone mad takes nothing from the others
//   stranger  a bucket for the source's prefix, and then one of two for all of them together:
//             opening an IKE SA (responder SPI zero, RFC 7296 §3.1), and going on with one
//
// Going on takes an SPI that charon itself has sent: who knows it has seen an answer, so a flood
// from forged addresses does not keep out whoever is in the middle of a handshake, and a peer whose
// address changed (RFC 4555) is heard. Made-up SPIs end here.
//
// Buckets lie in tables of fixed size, found by a keyed hash: two sources may share one, and nobody
// can choose with whom.
//
// Not here: whether a connection is declared for who opens (charon's plugin knows the identities).
// Threads: the worker. Never allocates after it is made.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "farspan/dataplane/drop_reason.h"
#include "farspan/dataplane/packet/icmp_error.h"
#include "farspan/dataplane/pipeline/ike_datagram.h"

namespace farspan::dataplane {

class IkeGate {
 public:
  using Instant = TokenBucket::Instant;
  static constexpr uint32_t kPeerRate = 500, kPeerBurst = 1000;
  static constexpr uint32_t kPrefixRate = 50, kPrefixBurst = 200;  // a /24: offices behind one NAT
  static constexpr uint32_t kOpeningRate = 200, kOpeningBurst = 400;
  static constexpr uint32_t kGoingOnRate = 1000, kGoingOnBurst = 1000;

  IkeGate();

  /// Why charon does not hear of `datagram`, which came from the underlay; nothing: it does.
  [[nodiscard]] std::optional<DropReason> judge(const IkeDatagram& datagram, bool is_peer,
                                                Instant now);
  /// Charon sends `datagram`: its SPI in it is alive.
  void sent(const IkeDatagram& datagram, Instant now);

 private:
  struct Spi {
    uint64_t spi = 0;
    uint32_t last_seconds = 0;
    bool is_embryonic = false;  // its IKE SA is only being opened
  };
  static constexpr size_t kWays = 4, kSets = 8192;

  TokenBucket& at(std::vector<TokenBucket>& buckets, uint32_t key) const;
  uint64_t hash(uint64_t key) const;
  bool is_alive(uint64_t spi, uint32_t now_seconds) const;
  void remember(uint64_t spi, bool is_embryonic, uint32_t now_seconds);

  uint64_t key_;
  std::vector<TokenBucket> peers_, prefixes_;
  TokenBucket opening_, going_on_;
  std::vector<Spi> spis_;  // kSets sets of kWays
};

}  // namespace farspan::dataplane
