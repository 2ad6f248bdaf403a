// SPDX-License-Identifier: Apache-2.0
// TrafficSelectors: which inner packets a Child SA covers (RFC 4301 §4.4.1, RFC 7296 §2.9).
//
// Each side is a list of ranges; a packet is covered when one range of each side holds it. Nearly
// every SA has one range or "everything" a side, so that the check is a few comparisons; IPv4 only,
// as the inside of tunnels is.
//
// Threads: immutable.
#pragma once

#include <cstdint>
#include <vector>

namespace farspan::ipsec {

/// What of an inner packet selectors look at. Host order; ports 0 where the protocol has none.
struct InnerFlow {
  uint32_t source = 0, destination = 0;
  uint16_t source_port = 0, destination_port = 0;
  uint8_t protocol = 0;
  bool operator==(const InnerFlow& other) const {  // one branch: the next packet is often alike
    return ((source ^ other.source) | (destination ^ other.destination) |
            static_cast<uint32_t>((source_port ^ other.source_port) |
                                  (destination_port ^ other.destination_port) |
                                  (protocol ^ other.protocol))) == 0;
  }
};

/// One range of addresses and ports, all bounds included; protocol 0: any.
struct SelectorRange {
  uint32_t address_low = 0, address_high = UINT32_MAX;
  uint16_t port_low = 0, port_high = UINT16_MAX;
  uint8_t protocol = 0;

  bool holds(uint32_t address, uint16_t port, uint8_t packet_protocol) const {
    return address - address_low <= address_high - address_low &&
           (protocol == 0 ||
            (protocol == packet_protocol && port >= port_low && port <= port_high));
  }
  /// Every address, port and protocol.
  bool is_everything() const {
    return address_low == 0 && address_high == UINT32_MAX && protocol == 0;
  }
  /// No packet at all.
  static constexpr SelectorRange nothing() { return {0, 0, 1, 0, UINT8_MAX}; }
  bool operator==(const SelectorRange&) const = default;
};

class TrafficSelectors {
 public:
  TrafficSelectors() = default;  // covers nothing
  TrafficSelectors(std::vector<SelectorRange> source, std::vector<SelectorRange> destination);
  static TrafficSelectors everything() {
    return TrafficSelectors({SelectorRange{}}, {SelectorRange{}});
  }

  bool covers(const InnerFlow& flow) const {
    if (first_source_.holds(flow.source, flow.source_port, flow.protocol) &&
        first_destination_.holds(flow.destination, flow.destination_port, flow.protocol)) {
      return true;
    }
    return has_more_ && covers_by_any(flow);
  }
  bool covers_everything() const;
  const std::vector<SelectorRange>& source() const { return source_; }
  const std::vector<SelectorRange>& destination() const { return destination_; }
  bool operator==(const TrafficSelectors&) const = default;

 private:
  bool covers_by_any(const InnerFlow& flow) const;

  // The first range of each side once more, in place, for the lists are a cache miss away.
  SelectorRange first_source_ = SelectorRange::nothing(), first_destination_ = first_source_;
  bool has_more_ = false;  // ranges than these two
  std::vector<SelectorRange> source_, destination_;
};

}  // namespace farspan::ipsec
