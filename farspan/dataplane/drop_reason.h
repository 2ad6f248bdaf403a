// SPDX-License-Identifier: Apache-2.0
// DropReason: why a packet ended here. One table from which the enumeration, the counters
// ("drop.<name>"), the words of the command line and docs/ops/drop-reasons.md come.
//
// Severity: expected = part of normal operation; peer = somebody else's packet was wrong; node =
// this node could not do its job and an operator should look.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace farspan::dataplane {

enum class Severity : uint8_t { kExpected, kPeer, kNode };

// clang-format off
//   enumerator                name                       severity   what operators read
#define FARSPAN_DROP_REASONS(X) \
  X(kMalformedEthernet,    "malformed_ethernet",     kPeer,     "frame shorter than an Ethernet header") \
  X(kUnsupportedEthertype, "unsupported_ethertype",  kExpected, "neither IPv4 nor ARP") \
  X(kMalformedArp,         "malformed_arp",          kPeer,     "ARP packet with wrong lengths or types (RFC 826)") \
  X(kMalformedIpv4,        "malformed_ipv4",         kPeer,     "IPv4 header with a wrong version, length or checksum (RFC 791)") \
  X(kIpv4Options,          "ipv4_options",           kPeer,     "IPv4 source-route option (RFC 7126)") \
  X(kMalformedTransport,   "malformed_transport",    kPeer,     "TCP, UDP or ICMP header cut short or with wrong lengths") \
  X(kMartianAddress,       "martian_address",        kPeer,     "source or destination that may not be routed: loopback, multicast, broadcast, link-local (RFC 6890)") \
  X(kBadVirtioHeader,      "bad_virtio_header",      kPeer,     "the port's offload header contradicts its packet") \
  X(kSpoofedSource,        "spoofed_source",         kPeer,     "the source address belongs elsewhere: an instance's is another one, or the way back leads to another port or tunnel (RFC 2827)") \
  X(kNoWayBack,            "no_way_back",            kPeer,     "no route leads back to the source: an office sends from a prefix that no VpnRoute publishes to the Vpc it sends to (RFC 2827)") \
  X(kForeignLabel,         "foreign_label",          kPeer,     "a node sent with the label of a Vpc that it has no part in") \
  X(kFragmentOverlap,      "fragment_overlap",       kPeer,     "fragments of one datagram overlap (RFC 5722, applied to IPv4)") \
  X(kFragmentTimeout,      "fragment_timeout",       kPeer,     "the rest of a fragmented datagram did not come in 30 s (RFC 1122 §3.3.2)") \
  X(kFragmentLimit,        "fragment_limit",         kNode,     "too many incomplete fragmented datagrams, or one too large") \
  X(kSecurityGroupIngress, "security_group_ingress", kExpected, "no security group rule of the receiving instance accepts it") \
  X(kSecurityGroupEgress,  "security_group_egress",  kExpected, "a security group rule of the sending instance drops it") \
  X(kNoFlowForPacket,      "no_flow_for_packet",     kPeer,     "an ICMP error about a packet of no known flow, or from elsewhere than that went") \
  X(kFlowTableFull,        "flow_table_full",        kNode,     "the flow table is full, and where the packet came from holds its share of it: farspan flows says who uses it") \
  X(kTcpFlags,             "tcp_flags",              kPeer,     "TCP flags that no TCP sends: none, SYN with FIN or RST, no ACK (RFC 9293 §3.10.7)") \
  X(kTcpSyn,               "tcp_syn",                kPeer,     "SYN inside a connection, by whoever did not open it (RFC 5961 §4)") \
  X(kTcpReset,             "tcp_reset",              kPeer,     "RST outside the window of its connection (RFC 5961 §3)") \
  X(kTcpWindow,            "tcp_window",             kPeer,     "TCP data or ACK outside the window of its connection (RFC 9293 §3.10.7.4)") \
  X(kIcmpType,             "icmp_type",              kPeer,     "ICMP message that no router forwards: redirect, source quench (RFC 6633), or of no known kind") \
  X(kIcmpUnasked,          "icmp_unasked",           kPeer,     "ICMP reply to a question that nobody asked (RFC 5508 §3)") \
  X(kNoRoute,              "no_route",               kExpected, "no route to the destination in its VRF") \
  X(kHostUnreachable,      "host_unreachable",       kExpected, "the vSwitch has no instance with this address") \
  X(kTtlExceeded,          "ttl_exceeded",           kExpected, "TTL ran out on this node (RFC 1812 §5.3.1)") \
  X(kFragmentationNeeded,  "fragmentation_needed",   kExpected, "larger than the path MTU with DF set; the sender was told (RFC 1191)") \
  X(kPortDown,             "port_down",              kNode,     "the instance's port has no device") \
  X(kPortFull,             "port_full",              kNode,     "the instance's device did not take the packet") \
  X(kNotForUs,             "not_for_us",             kExpected, "addressed to the router itself, and not an echo request") \
  X(kNoSa,                 "no_sa",                  kNode,     "the tunnel to the destination is down: no outbound SA") \
  X(kOutsideSelectors,     "outside_selectors",      kPeer,     "addresses outside what the Child SA covers, before sealing (RFC 4301 §5.1)") \
  X(kSequenceExhausted,    "sequence_exhausted",     kNode,     "the SA used up its sequence numbers before a rekey (RFC 4303 §3.3.3)") \
  X(kSaExpired,            "sa_expired",             kNode,     "the SA reached its hard byte or packet limit before a rekey (RFC 4301 §4.4.2.1)") \
  X(kUnderlayBusy,         "underlay_busy",          kNode,     "the socket to the underlay did not take the packet") \
  X(kUnderlayUnreachable,  "underlay_unreachable",   kNode,     "the underlay has no route to the peer") \
  X(kMalformedEsp,         "malformed_esp",          kPeer,     "ESP packet too short or not a multiple of the cipher block (RFC 4303 §2)") \
  X(kUnknownSpi,           "unknown_spi",            kPeer,     "no inbound SA has this SPI (RFC 4303 §3.4.2)") \
  X(kReplayed,             "replayed",               kPeer,     "sequence number already seen (RFC 4303 §3.4.3)") \
  X(kReplayTooOld,         "replay_too_old",         kPeer,     "sequence number left of the replay window (RFC 4303 §3.4.3)") \
  X(kReplayZero,           "replay_zero",            kPeer,     "sequence number 0, which no sender may use (RFC 4303 §3.3.3)") \
  X(kBadIcv,               "bad_icv",                kPeer,     "integrity check failed (RFC 4303 §3.4.4.1)") \
  X(kBadPadding,           "bad_padding",            kPeer,     "pad length larger than the packet or wrong pad bytes (RFC 4303 §2.4)") \
  X(kBadNextHeader,        "bad_next_header",        kPeer,     "what came out of the tunnel is neither IPv4 nor a labelled packet") \
  X(kDummy,                "dummy",                  kExpected, "dummy packet for traffic-flow confidentiality (RFC 4303 §2.6)") \
  X(kInnerPolicy,          "inner_policy",           kPeer,     "inner addresses outside the tunnel's traffic selectors (RFC 4301 §5.2)") \
  X(kMalformedLabel,       "malformed_label",        kPeer,     "MPLS stack cut short or deeper than one label (RFC 3032)") \
  X(kUnknownLabel,         "unknown_label",          kPeer,     "no VRF has this label") \
  X(kEcnInvalid,           "ecn_invalid",            kPeer,     "outer CE on an inner packet that is not ECN-capable (RFC 6040 §4.2)") \
  X(kForgedQuote,          "forged_quote",           kPeer,     "ICMP says that a packet was too big, but of none we sent lately; it changed nothing (RFC 4301 §8.2.1)") \
  X(kShortQuote,           "short_quote",            kPeer,     "ICMP says that a packet was too big, and quotes too little of it to know the SA; it changed nothing (RFC 1812 §4.3.2.3)") \
  X(kMalformedIke,         "malformed_ike",          kPeer,     "UDP 500/4500 datagram too short for IKE") \
  X(kIkeUnavailable,       "ike_unavailable",        kNode,     "charon is not connected; the IKE datagram was dropped") \
  X(kIkeBusy,              "ike_busy",               kNode,     "charon is connected and does not keep up; the IKE datagram was dropped, its sender repeats it") \
  X(kIkePeerLimit,         "ike_peer_limit",         kPeer,     "more IKE from the address of one peer than charon is given") \
  X(kIkeStrangerLimit,     "ike_stranger_limit",     kPeer,     "more IKE than charon is given from addresses that no tunnel has, of one /24 or in all") \
  X(kIkeUnknownSpi,        "ike_unknown_spi",        kPeer,     "names an IKE SA that charon does not have, from an address that no tunnel has") \
  X(kIkeStranger,          "ike_stranger",           kPeer,     "IKE from an address that no tunnel is declared for; it gets no answer") \
  X(kKeepalive,            "keepalive",              kExpected, "NAT keepalive (RFC 3948 §2.3)") \
  X(kLooping,              "looping",                kNode,     "routed back into the tunnel it came out of") \
  X(kNoBuffer,             "no_buffer",              kNode,     "all of a worker's memory for packets is in use") \
  X(kBrokenInvariant,      "broken_invariant",       kNode,     "a fault of Farspan itself; please report what was sent")
// clang-format on

enum class DropReason : uint8_t {
#define X(enumerator, name, severity, words) enumerator,
  FARSPAN_DROP_REASONS(X)
#undef X
};

inline constexpr size_t kDropReasonCount = 0
#define X(enumerator, name, severity, words) +1
    FARSPAN_DROP_REASONS(X)
#undef X
    ;

struct DropReasonRow {
  std::string_view name;
  Severity severity;
  std::string_view words;
};

inline constexpr std::array<DropReasonRow, kDropReasonCount> kDropReasonTable = {{
#define X(enumerator, name, severity, words) {name, Severity::severity, words},
    FARSPAN_DROP_REASONS(X)
#undef X
}};

constexpr const DropReasonRow& row_of(DropReason reason) {
  return kDropReasonTable[static_cast<size_t>(reason)];
}

}  // namespace farspan::dataplane
