// SPDX-License-Identifier: Apache-2.0
// TestNode: one node made of the real pipeline, tables, SAs and crypto, between fake ports,
// sockets, charon and clock; World: the nodes and offices the tests share.
//
//   paris ═office═ berlin ═══link═══ osaka ═office═ kyoto
//   172.16.0.5     10.1.0.5, .6      10.2.0.5       172.18.0.5
//
// A test puts bytes in, carries trains from one node to the next by hand, and looks at what came
// out and which counters moved. When a node ends, it must have accounted for every wire packet (the
// law of pipeline.h).
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "farspan/crypto/context.h"
#include "farspan/dataplane/control/table_builder.h"
#include "farspan/dataplane/ipsec/sad.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "tests/packet/wire.h"

namespace farspan::v1 {
class TablesBatch;
}

namespace farspan::dataplane::testing {

inline constexpr uint32_t kLink = 0x80000001;  // tunnel of the link in berlin and osaka
inline constexpr uint32_t kOffice =
    1;  // tunnel of paris in berlin, of kyoto in osaka; and of them to us
inline constexpr uint32_t kLabel = 17;

/// One train as it lay on the wire.
struct Sent {
  io::Endpoint source, destination;
  uint8_t tos = 0;
  uint32_t segment_size = 0;
  Bytes bytes;
  bool may_fragment = false;
  size_t packets() const {
    return segment_size == 0 ? 0 : (bytes.size() + segment_size - 1) / segment_size;
  }
};

/// One write to a port.
struct Written {
  VirtioHeader virtio;
  Bytes packet;  // behind the Ethernet header
  bool is_partial() const { return (virtio.flags & VirtioHeader::kNeedsChecksum) != 0; }
};

class TestNode final : public Outside {
 public:
  TestNode(std::string name, const std::string& underlay);
  ~TestNode() override;

  // --- control side ---
  /// Replaces the tables by what `fill` puts into an empty snapshot; ports have devices unless it
  /// says otherwise.
  void program(const std::function<void(v1::TablesBatch&)>& fill);
  struct SaOptions {
    crypto::Suite suite{};
    bool is_udp = true;
    uint16_t remote_port = 4500;
    std::vector<ipsec::SelectorRange> ours{{}}, theirs{{}};
    ipsec::SaLimits limits{};
  };
  void add_sa(bool is_inbound, uint32_t spi, uint32_t tunnel, uint32_t remote,
              const ipsec::SecretBytes& key, const ipsec::SecretBytes& integrity,
              const SaOptions& options);
  void add_trap(uint32_t tunnel);
  /// An outbound SA of `tunnel` goes, and the policy that used it.
  void remove_outbound(uint32_t spi, uint32_t tunnel);
  /// The peer of the newest outbound SA of `tunnel` is there now.
  void move_outbound(uint32_t tunnel, ipsec::Endpoint remote);

  // --- packets: one batch each ---
  void from_instance(uint32_t port, const Bytes& frame, const VirtioHeader& virtio = {});
  /// These in one batch, with a flush after each.
  void from_instance(uint32_t port, const std::vector<Bytes>& frames,
                     const VirtioHeader& virtio = {});
  /// Whether the port's device takes UDP super-packets.
  void set_uso(uint32_t port, bool has_uso);
  /// A frame of a port that the tables do not have: of a fault in what is around the pipeline.
  void from_nowhere(const Bytes& frame);
  struct Frame {
    Bytes bytes;
    VirtioHeader virtio;
  };
  /// These as one burst.
  void burst_from_instance(uint32_t port, const std::vector<Frame>& frames);
  void from_wire(const std::vector<Sent>& trains);
  void from_charon(const IkeDatagram& datagram);
  /// Routers on the way say that packets were too big for them.
  void from_routers(const std::vector<io::Quote>& quotes);
  void advance(std::chrono::milliseconds by);
  /// `inner` sealed with the newest outbound SA of `tunnel`, whatever it is: what a hostile peer
  /// may send. Passes by the pipeline and its counters. @pre a GCM SA without ESN
  Sent seal(uint32_t tunnel, const Bytes& inner, uint8_t next_header = 4);
  /// The same with any suite, for packets of which only the last may be shorter: one train.
  Sent seal_train(uint32_t tunnel, const std::vector<Bytes>& inner, uint8_t next_header = 4);
  /// The same as seal(), trailer and padding included in `text`.
  Sent seal_text(uint32_t tunnel, const Bytes& text);
  void use_up_sequence_numbers(uint32_t tunnel);

  // --- what came of them; taking empties ---
  std::vector<std::string> taken_from(uint32_t port);  // text_of each write
  std::vector<Written> writes_of(uint32_t port);
  std::vector<Sent> sent();
  std::vector<Bytes> ike();
  std::vector<ipsec::SaEvent> events();

  uint64_t count(Counter counter) const { return counters_.value(counter); }
  uint64_t dropped(DropReason reason) const { return counters_.value(reason); }
  uint64_t dropped() const;
  /// Memory for packets runs out until these are given back.
  std::vector<io::Buffer> take_all_buffers();
  const io::BufferPool& buffers() const { return pool_; }
  uint32_t held_fragments() const { return pipeline_->held_fragments(); }
  /// in - out - drops: 0 when every packet is accounted for.
  int64_t unaccounted() const;
  std::vector<Flow> flows() const;
  const InterfaceCounters& counters_of(uint32_t port) const;
  const InterfaceCounters& counters_of_tunnel(uint32_t tunnel) const;
  /// The kernel says that routes of the underlay changed.
  void change_routes();
  PathReport path_of(uint32_t tunnel) const;

  std::string name;
  uint32_t underlay;
  uint32_t underlay_mtu = 1500;
  std::optional<DropReason> ike_refusal;  // of what comes for charon
  bool forgets_ways = false;  // policies change before each batch: each packet's SA is chosen anew
  io::SendVerdict send_verdict = io::SendVerdict::kSent;
  io::WriteVerdict write_verdict = io::WriteVerdict::kWritten;

 private:
  const ipsec::SadView& sas();
  io::Landed land(const Bytes& bytes);
  template <class Do>
  void batch(Do act);
  static bool put_event(void* node, const ipsec::SaEvent& event);

  io::WriteVerdict write_port(const PortEntry& port, std::span<const iovec> frame) override;
  void send(std::span<const io::Train> trains, std::span<io::SendVerdict> verdicts) override;
  std::optional<DropReason> to_ike(const IkeDatagram& datagram) override;
  std::optional<uint32_t> route_mtu(uint32_t remote) override;
  void port_died(const PortEntry& port) override;

  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
  std::string arena_path_;
  std::unique_ptr<crypto::Context> context_;
  std::unique_ptr<ipsec::SequenceArena> arena_;
  std::unique_ptr<ipsec::Sad> sad_;
  TableBuilder builder_;
  std::unique_ptr<const Tables> tables_;
  NodeCounters counters_;
  static constexpr io::BufferPool::Limits kBuffers{.small = 256, .large = 64};
  io::BufferPool pool_{kBuffers};
  std::unique_ptr<ipsec::EspWorker> esp_;
  std::unique_ptr<Pipeline> pipeline_;

  std::map<uint32_t, std::vector<Written>> written_;
  std::vector<Sent> sent_;
  std::vector<Bytes> ike_;
  std::vector<ipsec::SaEvent> events_;
};

/// Puts the two SAs of a tunnel up between `a` and `b`.
void connect(TestNode& a, uint32_t tunnel_of_a, TestNode& b, uint32_t tunnel_of_b,
             TestNode::SaOptions options_of_a = {});

/// A super-packet of segments of `mss` bytes, `length` in all, as a TAP device hands it over.
struct Tso {
  Bytes frame;
  VirtioHeader virtio;
};
Tso tso(const Ip& ip, uint16_t mss, size_t length);

class World : public ::testing::Test {
 protected:
  World();

  /// Carries what `from` has sent to `to`; answers how many packets that were.
  static size_t carry(TestNode& from, TestNode& to);
  /// The drops of `node` by reason, and nothing else dropped.
  static void expect_drops(const TestNode& node, std::map<DropReason, uint64_t> wanted);

  TestNode paris{"paris", "203.0.113.1"}, berlin{"berlin", "192.0.2.1"},
      osaka{"osaka", "192.0.2.2"}, kyoto{"kyoto", "203.0.113.2"};
};

/// The tables of a node or an office of the picture above. `rest` adds to them.
void plain_tables(v1::TablesBatch& batch, const std::string& own,
                  std::map<std::string, uint32_t> tunnels);
void allow_from(v1::TablesBatch& batch, const std::string& peer, uint32_t protocol = 0);

}  // namespace farspan::dataplane::testing
