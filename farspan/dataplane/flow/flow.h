// SPDX-License-Identifier: Apache-2.0
// Flow: one conntrack entry with both directions, and the key that finds it.
//
// The key is canonical (the lower end first), so a packet and its answer find the same entry; which
// of the two directions a packet travels is told by FlowTable::find().
//
// Not here: the table (flow_table.h), what is decided about a flow (pipeline/).
// Threads: owned by the worker.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>

#include "farspan/dataplane/drop_reason.h"
#include "farspan/dataplane/fib/adjacency.h"
#include "farspan/dataplane/flow/tcp_track.h"

namespace farspan::ipsec {
class OutboundSa;
}

namespace farspan::dataplane {

/// What a packet shows of its flow, in the packet's own direction; all host order.
struct FlowKey {
  FlowDomain domain;
  uint32_t source = 0, destination = 0;
  // ICMP queries: the identifier at who asks, the type of the question at who is asked
  uint16_t source_port = 0, destination_port = 0;
  uint8_t protocol = 0;

  /// The key of an answer. An ICMP error travels against the packet it quotes:
  /// find(quoted.reversed()) gives the flow and the direction of the error.
  constexpr FlowKey reversed() const {
    return {domain, destination, source, destination_port, source_port, protocol};
  }
  auto operator<=>(const FlowKey&) const = default;
};

enum class FlowDirection : uint8_t {
  kOriginal,
  kReply
};  // of the packet that made the flow / against it
constexpr FlowDirection opposite(FlowDirection direction) {
  return direction == FlowDirection::kOriginal ? FlowDirection::kReply : FlowDirection::kOriginal;
}

enum class FlowState : uint8_t {
  kFree,        // not a flow
  kOneWay,      // not TCP, no answer seen
  kAnswered,    // not TCP, both directions seen
  kTcpOpening,  // until both ends were seen and one acknowledged
  kTcpEstablished,
  kTcpClosing,  // both ends sent FIN, or one sent RST
};

/// Where packets of one direction came into this node. Another ingress means: decide again, so that
/// an office cannot ride on the flow of another tunnel.
class Ingress {
 public:
  constexpr Ingress() = default;  // nowhere
  static constexpr Ingress of(PortIndex port) { return Ingress(port.value() | kPortBit); }
  static constexpr Ingress of(TunnelIndex tunnel) { return Ingress(tunnel.value() | kTunnelBit); }

  constexpr bool is_port() const { return (bits_ & kPortBit) != 0; }
  constexpr bool is_tunnel() const { return (bits_ & kTunnelBit) != 0; }
  constexpr PortIndex port() const { return PortIndex(bits_ & kIndexMask); }  ///< @pre is_port()
  constexpr TunnelIndex tunnel() const {
    return TunnelIndex(bits_ & kIndexMask);
  }                                                  ///< @pre is_tunnel()
  constexpr uint32_t bits() const { return bits_; }  ///< for hashing
  constexpr bool operator==(const Ingress&) const = default;

 private:
  static constexpr uint32_t kPortBit = 0x80000000, kTunnelBit = 0x40000000, kIndexMask = 0x3FFFFFFF;
  constexpr explicit Ingress(uint32_t bits) : bits_(bits) {}
  uint32_t bits_ = 0;
};

/// The way out of one direction: what was decided, under which circumstances that holds, and what
/// sending needs besides, so that a packet of a known flow asks nothing again. A flow only
/// remembers what may pass: a refusal may end with the other direction's next packet.
///
/// The MTU is not here: it is the SA's, which every packet touches anyway (ipsec/outbound_sa.h).
struct FlowWay {
  Adjacency adjacency;  // a link's label with it
  TablesVersion version;
  Ingress ingress;
  ipsec::OutboundSa* sa = nullptr;  // of a tunnel
  uint64_t sas_version = 0;         // of the SAs that `sa` is one of; 0: none was chosen

  /// Nothing holds that was not decided: no tables have version 0.
  constexpr bool holds(TablesVersion now, Ingress from) const {
    return version == now && ingress == from && now != TablesVersion{};
  }
  /// The SA packets of this direction take; null: to be chosen.
  ipsec::OutboundSa* sa_of(uint64_t version_now) const {
    return sas_version == version_now ? sa : nullptr;
  }
};
static_assert(sizeof(FlowWay) == 32);

struct FlowCounters {
  uint64_t packets = 0;  // on a wire, not super-packets
  uint64_t bytes = 0;    // of IP
};

/// Four cache lines: what finds a flow, where its packets go, what every packet writes, and what
/// belongs to TCP and to changes of state. Packets of a burst ask for theirs together.
struct alignas(64) Flow {
  std::array<uint64_t, 2> ends{};  // address << 16 | port; canonical: ends[0] <= ends[1]
  FlowDomain domain;
  uint8_t protocol = 0;
  FlowState state = FlowState::kFree;
  uint8_t original_end = 0;  // index of the end that sent the first packet
  uint8_t tcp_seen = 0;      // bits per direction: any packet, FIN

  alignas(64) std::array<FlowWay, 2> ways;  // by FlowDirection

  alignas(64) std::array<FlowCounters, 2> counters;  // by FlowDirection
  std::chrono::milliseconds created{0}, last_seen{0};
  uint32_t wheel_next = 0, wheel_previous = 0,
           wheel_slot = 0;  // FlowTable's; next also links free entries

  alignas(64) TcpTrack tcp;
  uint32_t share = 0, share_next = 0, share_previous = 0;  // FlowShares'
  bool is_weak = false;                                    // FlowShares': makes room first
  FlowDirection reset_by{};                                // kTcpClosing without both FINs

  FlowWay& way(FlowDirection direction) { return ways[static_cast<size_t>(direction)]; }
  const FlowWay& way(FlowDirection direction) const { return ways[static_cast<size_t>(direction)]; }
  FlowCounters& counted(FlowDirection direction) {
    return counters[static_cast<size_t>(direction)];
  }
  /// The key as a packet of `direction` shows it.
  FlowKey key(FlowDirection direction = FlowDirection::kOriginal) const {
    const uint64_t source = ends[original_end ^ static_cast<size_t>(direction)];
    const uint64_t destination = ends[original_end ^ static_cast<size_t>(direction) ^ 1];
    return {domain,
            static_cast<uint32_t>(source >> 16),
            static_cast<uint32_t>(destination >> 16),
            static_cast<uint16_t>(source),
            static_cast<uint16_t>(destination),
            protocol};
  }
};
static_assert(sizeof(Flow) == 256);

}  // namespace farspan::dataplane
