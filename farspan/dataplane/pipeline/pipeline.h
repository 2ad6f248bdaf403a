// SPDX-License-Identifier: Apache-2.0
// Pipeline: what happens to a packet between the place it comes in and the place it goes out.
//
//  from_port      frames ▸ ARP │ parse ▸ own source? ────────────────────────────────────┐
//  from_underlay  trains ▸ IKE, keepalive │ SA by SPI ▸ open[batch] ▸ label ▸ parse ▸    │
//                 ECN ▸ selectors ▸ coalesce ────────────────────────────────────────────┤
//                                                                                        │
//  forward[burst] ◀──────────────────────────────────────────────────────────────────────┘
//     ask the cache for index ▸ flow ▸ SA; then each in order:
//     reassemble ▸ flow ─way known───────────────┐
//                    └else▸ security groups, FIB ┤
//                           ▸ remember           ├▸ to_port    MTU ▸ TTL ▸ one write
//                                                │             per super-packet
//                                                ├▸ to_tunnel  SA ▸ MTU ▸ TTL ▸ MSS ▸
//                                                │             segment ▸ seal[batch] ▸ trains
//                                                └▸ the router itself: echo reply
//
// There is one road. What a packet of a known flow needs to leave stands in the flow's entry
// (FlowWay), and a burst goes through the stages together, so that the memory one packet waits for
// comes while others are worked on. Deciding and acting go packet by packet: one packet can make or
// end the flow of the next.
//
// The unit is the super-packet; only opening, segmenting and sealing run per wire packet. Every
// packet ends in exactly one counter, in wire packets:
//
//   from_port + from_office + from_link + from_underlay + from_ike + answered + fragmented
//     = to_port + to_office + to_link + to_underlay + to_ike + consumed + Σ drop.* + fragments held
//
// Each stage is in the file of its name. Threads: one worker. Allocates when made.
#pragma once

#include <array>
#include <chrono>
#include <limits>
#include <memory>
#include <vector>

#include "farspan/dataplane/flow/flow_table.h"
#include "farspan/dataplane/ipsec/sad_view.h"
#include "farspan/dataplane/packet/coalesce.h"
#include "farspan/dataplane/packet/mpls.h"
#include "farspan/dataplane/packet/reassemble.h"
#include "farspan/dataplane/packet/virtio.h"
#include "farspan/dataplane/path/probe.h"
#include "farspan/dataplane/path/sent_sas.h"
#include "farspan/dataplane/pipeline/arrival.h"
#include "farspan/dataplane/pipeline/esp_sender.h"
#include "farspan/dataplane/pipeline/icmp_limit.h"
#include "farspan/dataplane/pipeline/outside.h"
#include "farspan/dataplane/pipeline/passage.h"

namespace farspan::dataplane {

struct PipelineLimits {
  uint32_t flows = 1u << 18;
  Reassembler::Limits reassembly{};
  IcmpLimit::Rates icmp{};
};

class Pipeline {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  /// @param pool  this worker's, as `esp`; `events` is where acquires go; all outlive the pipeline
  Pipeline(Outside& outside, io::BufferPool& pool, ipsec::EspWorker& esp, ipsec::SaEventSink events,
           NodeCounters& counters, PipelineLimits limits = {});

  /// Everything until end_batch() sees these tables and SAs, and this time.
  void begin_batch(const Tables& tables, const ipsec::SadView& sad, Instant now);
  /// Sends what waits and does a batch's share of ageing.
  void end_batch();

  /// A frame that an instance sent, behind its virtio header.
  struct PortFrame {
    VirtioHeader virtio;
    io::Landed landed;
  };
  static constexpr uint32_t kBurst = 32;  // packets that go through the stages together
  /// Frames of one instance, in the order it sent them; takes their buffers.
  void from_port(PortIndex port, std::span<PortFrame> frames);
  /// What the sockets of the underlay received: UDP 500 and 4500, and native ESP (destination port
  /// 0); takes their buffers.
  void from_underlay(std::span<io::LandedTrain> trains);
  /// What routers say about packets that were too big for them.
  void from_quotes(std::span<const io::Quote> quotes);
  /// Routes or interfaces of the underlay are not what they were.
  void routes_changed() { are_routes_changed_ = true; }
  /// A datagram charon sends.
  void from_ike(const IkeDatagram& datagram);

  /// How long after the last batch the next one must begin at the latest.
  std::chrono::milliseconds wait() const;

  /// Sends what waits; end_batch() does the same.
  void flush() { sender_.flush(); }

  /// Whether the port's device takes UDP super-packets; all do until something else is said. Not
  /// between begin_batch() and end_batch().
  void set_uso(PortIndex port, bool has_uso);

  const FlowTable& flows() const { return flows_; }
  /// Whether flows wait to be forgotten: whoever has nothing else to do makes another batch.
  bool has_late_flows() const { return flows_.is_late(now_ms_); }
  std::chrono::milliseconds now() const { return now_ms_; }  // of the last batch; the flows' clock
  uint32_t held_fragments() const { return reassembler_.held_wire_packets(); }

 private:
  // from_port.cpp
  bool take_frame(PortIndex index, PortFrame& frame, Passage& passage);
  void answer_port_arp(const PortEntry& port, std::span<uint8_t> frame);
  // from_underlay.cpp
  void take_segment(const io::LandedTrain& landed, uint8_t* bytes, uint32_t length);
  void take_ike(const io::Train& train, uint8_t* bytes, uint32_t length);
  void take_esp(const io::LandedTrain& landed, uint8_t* bytes, uint32_t length);
  void open_waiting();
  void find_sas();
  std::optional<DropReason> enter(const ipsec::OpenSlot& slot, uint32_t place, Passage& passage);
  // forward.cpp
  void forward_burst(uint32_t count);
  void prefetch(uint32_t count);
  void forward(Passage& passage);
  void forward_whole(Passage& passage);
  void reassemble(Passage& passage);
  void send(SuperPacket& packet, const Adjacency& adjacency, const Arrival& from, FlowWay* way);
  void clamp_by_ingress(SuperPacket& packet, const Arrival& from);
  // decide.cpp
  /// What becomes of a packet.
  struct Decision {
    std::optional<DropReason> drop;  // nothing: it goes to `adjacency`
    Adjacency adjacency;
    FlowWay* way = nullptr;  // of the flow that remembers it
  };
  FlowQuery query_of(const Passage& passage) const;
  Decision decide(Passage& passage);
  Decision decide_related(const SuperPacket& error, const Arrival& from);
  bool holds(const FlowHit& hit, Ingress from) const;
  Decision judge(const Parsed& p, const Arrival& from, FlowDirection direction) const;
  bool is_worth_a_flow(const SuperPacket& packet, const Adjacency& onward) const;
  FlowOwner owner_of(const SuperPacket& packet, const Arrival& from) const;
  Arrival arrival_by(const Adjacency& onward, const Arrival& from) const;
  struct FlowEnds {
    uint32_t source, destination;
  };
  Adjacency way_back(const FlowEnds& ends, const Arrival& from, const Adjacency& onward) const;
  bool comes_from(const Adjacency& back, uint32_t source, const Arrival& from) const;
  std::optional<DropReason> refuse_vrf(const Arrival& from) const;
  // to_port.cpp
  void to_port(SuperPacket& packet, PortIndex port, const Arrival& from);
  bool takes_whole(const SuperPacket& packet, PortIndex port) const;
  void write_frame(SuperPacket& packet, const PortEntry& port);
  // to_tunnel.cpp
  void to_tunnel(SuperPacket& packet, const Adjacency& adjacency, const Arrival& from,
                 FlowWay* way);
  uint32_t tunnel_mtu(ipsec::OutboundSa& sa, bool has_label) {
    const ipsec::PathMtu& known = sa.mtu;
    const bool is_fresh = known.underlay_mtu != 0 && known.epoch == path_epoch_ &&
                          known.learnt_for == sa.moves() && now_seconds_ < known.fresh_until;
    if (!is_fresh) learn_mtu(sa);
    const uint32_t label_length = has_label ? static_cast<uint32_t>(kLabelLength) : 0;
    return known.largest_inner > label_length ? known.largest_inner - label_length : 0;
  }
  ipsec::OutboundSa* select_sa(SuperPacket& packet, const Adjacency& adjacency, FlowWay* way);
  // path_mtu.cpp
  void learn_mtu(ipsec::OutboundSa& sa);
  std::optional<DropReason> take_quote(const io::Quote& quote);
  // black_hole.cpp
  void watch_sent(const EspSender::Way& way, const uint8_t* ip, uint32_t length) {
    if (length > kSmallEverywhere && !way.tunnel->is_link) watch_large(way, ip, length);
  }
  void watch_large(const EspSender::Way& way, const uint8_t* ip, uint32_t length);
  void watch_answer(const SuperPacket& packet, const Arrival& from);
  void act_on(BlackHole::Finding finding, TunnelPath& path);
  // probes.cpp
  void watch_link(const TunnelEntry& link);
  void probe_links();
  void probe_link(const TunnelEntry& link, ipsec::OutboundSa& sa);
  bool take_probe(const ipsec::OpenSlot& slot, TunnelIndex index);
  void send_probe(const PathProbe& probe, const TunnelEntry& link, ipsec::OutboundSa& sa,
                  uint32_t length);
  void follow_routes();
  // fragments.h
  template <class Each>
  void for_each_segment(SuperPacket& packet, Each each);
  template <class Each>
  void for_each_fragment(SuperPacket& packet, uint32_t mtu, Each each);
  // answers.cpp
  void answer_as_router(SuperPacket& packet, const Arrival& from);
  void report(const SuperPacket& about, const Arrival& from, IcmpError error, uint32_t mtu = 0);
  bool has_tokens_for(const SuperPacket& about, const Arrival& from);
  void originate(SuperPacket& packet, Arrival asked_by);
  static bool lower_ttl(SuperPacket& packet, const Arrival& from);

  /// A packet ends here.
  void end(SuperPacket& packet, DropReason reason) {
    counters_.drop(reason, packet.wire_packets());
    packet.release();
  }

  static constexpr uint32_t kSmallEverywhere =
      500;  // inner packets, in the least path MTU there is
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
  static constexpr uint32_t kMaxOpen = 128;     // ESP packets opened in one call
  static constexpr uint32_t kSmallestMtu = 68;  // RFC 791 §3.1

  Outside& outside_;
  io::BufferPool& pool_;
  ipsec::EspWorker& esp_;
  ipsec::SaEventSink events_;
  NodeCounters& counters_;
  FlowTable flows_;
  Reassembler reassembler_;
  EspSender sender_;
  Coalescer coalescer_;
  std::vector<bool> lacks_uso_;  // by PortIndex; those behind the end do not
  IcmpLimit icmp_limit_;
  SentSas sent_sas_;
  uint32_t path_epoch_ = 0;    // another one: every SA learns its MTU again
  uint32_t changed_mtus_ = 0;  // as the tables of the last batch had it
  bool are_routes_changed_ = false;
  uint64_t routes_followed_seconds_ = 0;
  std::vector<TunnelId> watched_links_;  // those that carried something
  uint64_t probes_due_ms_ = kNever;

  const Tables* tables_ = nullptr;  // these six: from begin_batch() to end_batch()
  const ipsec::SadView* sad_ = nullptr;
  uint64_t sas_version_ = 0;  // of `sad_`, before anything was asked of it
  Instant now_{};
  std::chrono::milliseconds now_ms_{0};
  uint64_t now_seconds_ = 0;

  struct Opening {                  // beside open_[i]
    const io::LandedTrain* landed;  // the packet is one of its
    TunnelIndex tunnel;
  };

  uint32_t open_count_ = 0;
  std::array<ipsec::OpenSlot, kMaxOpen> open_;
  std::array<Opening, kMaxOpen> opening_;
  std::unique_ptr<std::array<Passage, kBurst>> burst_;
  SuperPacket originated_;          // what the node itself sends
  SuperPacket segment_, fragment_;  // of for_each_segment(), for_each_fragment()
  std::unique_ptr<uint8_t[]>
      fragment_bytes_;  // of for_each_fragment(): a segment, then one fragment of it
};

}  // namespace farspan::dataplane
