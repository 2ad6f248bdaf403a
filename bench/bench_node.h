// SPDX-License-Identifier: Apache-2.0
// BenchNode: one node made of the real pipeline, tables, SAs and crypto, with a given number of
// offices, whose ports and sockets swallow what they are given, unless a derived class does
// otherwise; and Offices, the other ends of its tunnels.
//
//   instance 10.0.0.5 ── BenchNode ══ tunnel i + 1 ══ office i, 20.x.y.0/24 with x.y = i
//
// Not here: what is put in and timed (pipeline_bench.cpp). Threads: one.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "farspan/crypto/context.h"
#include "farspan/dataplane/control/table_builder.h"
#include "farspan/dataplane/ipsec/sad.h"
#include "farspan/dataplane/ipsec/test_sas.h"
#include "farspan/dataplane/pipeline/pipeline.h"

namespace farspan::bench {

inline constexpr uint32_t kInstance = 0x0a000005;      // 10.0.0.5
inline constexpr uint32_t kNodeUnderlay = 0xc0000201;  // 192.0.2.1
constexpr uint32_t office_host(size_t office) {
  return 20u << 24 | static_cast<uint32_t>(office) << 8 | 9;
}
constexpr uint32_t office_underlay(size_t office) {
  return 0xc6120000 + static_cast<uint32_t>(office);  // 198.18.0.0/15 (RFC 2544)
}
constexpr uint32_t spi_to_node(size_t office) { return 0xc0000001 + static_cast<uint32_t>(office); }
constexpr uint32_t spi_to_office(size_t office) { return 0x1001 + static_cast<uint32_t>(office); }

/// The SA of one direction between the node and an office, as the node has it.
ipsec::SaDescription describe_sa(crypto::Suite suite, size_t office, bool is_inbound);

class BenchNode : public dataplane::Outside {
 public:
  BenchNode(crypto::Suite suite, size_t offices, dataplane::PipelineLimits limits = {});

  /// One batch each, as the worker runs them: all of it is what the benchmark times.
  void from_instance(std::span<dataplane::Pipeline::PortFrame> frames);
  void from_wire(std::span<io::LandedTrain> trains);

  /// Copies bytes into a buffer of the node, as a read() would have.
  io::Landed land(std::span<const uint8_t> bytes);

  /// As after a change of SAs: what was decided is asked again.
  void change_policies();
  /// Nothing happens for so long: flows and fragments end.
  void rest(std::chrono::seconds time);

  const dataplane::Pipeline& pipeline() const { return *pipeline_; }
  const dataplane::NodeCounters& counters() const { return counters_; }
  uint64_t dropped() const;

 protected:
  io::WriteVerdict write_port(const dataplane::PortEntry&, std::span<const iovec>) override;
  void send(std::span<const io::Train>, std::span<io::SendVerdict> verdicts) override;

 private:
  std::optional<dataplane::DropReason> to_ike(const dataplane::IkeDatagram&) override {
    return std::nullopt;
  }
  std::optional<uint32_t> route_mtu(uint32_t) override { return 1500; }
  void port_died(const dataplane::PortEntry&) override {}

  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
  ipsec::TemporaryFile arena_file_;
  std::unique_ptr<crypto::Context> context_;
  std::unique_ptr<ipsec::SequenceArena> arena_;
  std::unique_ptr<ipsec::Sad> sad_;
  dataplane::TableBuilder builder_;
  std::unique_ptr<const dataplane::Tables> tables_;
  dataplane::NodeCounters counters_;
  io::BufferPool pool_{io::BufferPool::Limits{}};
  std::unique_ptr<ipsec::EspWorker> esp_;
  std::unique_ptr<dataplane::Pipeline> pipeline_;
};

/// What the offices send: seals with the keys of their ends.
class Offices {
 public:
  Offices(crypto::Suite suite, size_t count);

  /// Seals the wire packets of `packet`, which office `office` sends, one after another at `to`.
  io::Train seal(const dataplane::SuperPacket& packet, size_t office, uint8_t* to);

 private:
  ipsec::TemporaryFile arena_file_;
  std::unique_ptr<crypto::Context> context_;
  std::unique_ptr<ipsec::SequenceArena> arena_;
  std::unique_ptr<ipsec::EspWorker> esp_;
  std::vector<std::unique_ptr<ipsec::OutboundSa>> sas_;
};

}  // namespace farspan::bench
