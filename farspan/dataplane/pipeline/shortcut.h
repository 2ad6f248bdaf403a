// SPDX-License-Identifier: Apache-2.0
// Shortcuts: what the stages made of the last packet that had the same headers.
//
// Nearly every packet of an instance to an office is like one before it: the same addresses, ports
// and type of service, no options, no fragment, nothing for TCP to open or close. Parsing it,
// finding its flow, asking what was decided, choosing its SA and its MTU would come to the same
// answers again, and cost more than all of its encryption does above the bare cipher. So what came
// out is remembered, by the bytes of the headers themselves, in the line of memory they point to:
//
//   [version, IHL, TOS … flags, offset | protocol … source | destination, ports] ─▶ SA, tunnel, …
//
// A shortcut only says yes: whatever is unusual about a packet, its damage included, goes the whole
// way, where every refusal has its name. It holds for one set of tables and SAs, and for as long as
// its flow is there and goes where it went. Two flows that want the same place take turns: that
// costs time and nothing else.
//
// Not here: what a packet must show besides (shortcut.cpp). Threads: the worker. Allocates when
// made.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>

#include "farspan/dataplane/flow/flow_table.h"
#include "farspan/dataplane/pipeline/esp_sender.h"

namespace farspan::dataplane {

/// The first 24 bytes of an IPv4 packet, without what differs from packet to packet of a flow:
/// length, identification, TTL and checksum. Ports only if it has no options.
class FlowHeaders {
 public:
  static constexpr size_t kLength = 24;
  FlowHeaders() = default;
  /// @param ip  kLength bytes
  explicit FlowHeaders(const uint8_t* ip) {
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(words_.data(), ip, kLength);
    words_[0] &= 0xffff'0000'0000'ffff;
    words_[1] &= 0xffff'ffff'0000'ff00;
  }
  bool operator==(const FlowHeaders& other) const {
    // one branch for all: they nearly always are the same
    return ((words_[0] ^ other.words_[0]) | (words_[1] ^ other.words_[1]) |
            (words_[2] ^ other.words_[2])) == 0;
  }
  uint64_t hash() const { return (words_[1] ^ words_[2]) * 0x9E3779B97F4A7C15; }

 private:
  std::array<uint64_t, 3> words_{};
};

struct alignas(64) Shortcut {
  FlowHeaders headers;
  uint32_t epoch = 0;  // of the circumstances it holds under; 0: none
  PortIndex port;      // where such packets come from
  EspSender::Way way;  // and how they leave
  FlowHit hit;
  uint32_t flow_serial = 0;
};

class Shortcuts {
 public:
  /// What shortcuts depend on. They hold as long as all of this stays what it is.
  struct Circumstances {
    TablesVersion tables;
    uint64_t sas = 0;  // SadView::version()
    bool operator==(const Circumstances&) const = default;
  };

  Shortcuts() : places_(std::make_unique<std::array<Shortcut, kPlaces>>()) {}

  /// Forgets all of them if the circumstances are others than the last time.
  void look_at(const Circumstances& now) {
    if (now == circumstances_) return;
    circumstances_ = now;
    if (++epoch_ != 0) return;
    places_->fill({});  // after 2^32 changes: of none may the number come again
    epoch_ = 1;
  }

  /// The shortcut of packets with these headers from this port; null: none is known.
  const Shortcut* find(const FlowHeaders& headers, PortIndex port) const {
    const Shortcut& here = (*places_)[place_of(headers)];
    const bool is_it = here.headers == headers && here.epoch == epoch_ && here.port == port &&
                       here.hit.flow->serial == here.flow_serial;
    return is_it ? &here : nullptr;
  }
  void remember(const FlowHeaders& headers, PortIndex port, const EspSender::Way& way,
                const FlowHit& hit) {
    (*places_)[place_of(headers)] = {headers, epoch_, port, way, hit, hit.flow->serial};
  }

 private:
  static constexpr unsigned kPlaceBits = 12;
  static constexpr size_t kPlaces = size_t{1} << kPlaceBits;
  static size_t place_of(const FlowHeaders& headers) { return headers.hash() >> (64 - kPlaceBits); }

  std::unique_ptr<std::array<Shortcut, kPlaces>> places_;
  Circumstances circumstances_;
  uint32_t epoch_ = 1;
};

}  // namespace farspan::dataplane
