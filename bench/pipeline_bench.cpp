// SPDX-License-Identifier: Apache-2.0
// pipeline_bench: what a packet costs in the whole pipeline, without I/O, beside raw
// intel-ipsec-mb on the same bytes, in one run.
//
//   seal   frame of an instance ▸ parse ▸ flow ▸ SA ▸ MTU ▸ TTL ▸ copy (and checksum) ▸ ESP ▸
//          trains
//   open   trains ▸ SA by SPI ▸ replay ▸ ESP ▸ parse ▸ selectors ▸ coalesce ▸ flow ▸ TTL ▸
//          port frame
//
// Timed is everything between the buffer that a read() filled and the one that a write() would
// take, from begin_batch() to end_batch(); only the system calls are left out. Packet sizes are
// those of the inner IPv4 packet. 64, 512 and 1400 bytes are whole UDP packets, each of an SA
// chosen at random (one flow per SA, which has had a packet before), in batches as large as the
// worker's; "train" is a TSO super-packet of 48 TCP segments of 1400 bytes, whose headers and
// checksums the pipeline makes (seal), or which it has to find, verify and put together (open):
// work that raw does not do.
//
// What raw is stands in raw_crypto.h. Cycles are those of the time-stamp counter.
#include <fmt/format.h>
#include <intel-ipsec-mb.h>

#include <CLI/CLI.hpp>
#include <cstring>
#include <random>
#include <string_view>

#include "bench/bench_node.h"
#include "bench/measure.h"
#include "bench/raw_crypto.h"
#include "farspan/dataplane/packet/parse.h"
#include "farspan/io/udp_underlay.h"
#include "farspan/net/checksum.h"

namespace farspan::bench {
namespace {

using dataplane::Counter;
using dataplane::SuperPacket;
using dataplane::VirtioHeader;

constexpr crypto::Suite kSuite{crypto::Cipher::kAesGcm256, crypto::Integrity::kAead};
constexpr uint32_t kFramesPerBatch = dataplane::Pipeline::kBurst;  // of one port (worker.cpp)
constexpr uint32_t kTrainsPerBatch = io::UdpUnderlay::kReceiveBuffers;
constexpr uint32_t kEthernet = sizeof(net::EthernetHeader);
constexpr uint32_t kTcpHeaders = 52, kSegments = 48;  // with timestamps

struct Workload {
  const char* name;
  uint32_t wire_length;  // of the inner IPv4 packet
  bool is_train;

  uint32_t headers() const { return is_train ? kTcpHeaders : 28; }
  uint32_t segment_payload() const { return wire_length - headers(); }
  uint32_t length() const {
    return is_train ? headers() + kSegments * segment_payload() : wire_length;
  }
  uint32_t packets_per_frame() const { return is_train ? kSegments : 1; }
  uint32_t frames_per_batch(bool is_sealing) const {
    return is_train ? 2 : is_sealing ? kFramesPerBatch : kTrainsPerBatch;
  }
  VirtioHeader virtio() const {
    if (!is_train) return {};
    return {.flags = VirtioHeader::kNeedsChecksum,
            .gso_type = VirtioHeader::kTcpV4,
            .header_length = static_cast<uint16_t>(kEthernet + headers()),
            .gso_size = static_cast<uint16_t>(segment_payload()),
            .checksum_start = kEthernet + 20,
            .checksum_offset = net::TcpHeader::kChecksumOffset};
  }
};

// Writes the headers of one frame; the payload behind them stays as it is.
void write_headers(const Workload& load, uint8_t* frame, uint32_t source, uint32_t destination) {
  std::memset(frame, 0, kEthernet + load.headers());
  net::header_at<net::EthernetHeader>(frame).type = net::EthernetHeader::kIpv4;
  auto& ip = net::header_at<net::Ipv4Header>(frame + kEthernet);
  ip.version_ihl = 0x45;
  ip.total_length = static_cast<uint16_t>(load.length());
  ip.flags_offset = net::Ipv4Header::kDontFragment;
  ip.ttl = 64;
  ip.protocol = load.is_train ? net::protocol::kTcp : net::protocol::kUdp;
  ip.source = source;
  ip.destination = destination;
  ip.checksum = net::internet_checksum(frame + kEthernet, sizeof ip);
  uint8_t* const transport = frame + kEthernet + sizeof ip;
  net::store_be16(transport, 4000);
  net::store_be16(transport + 2, 5000);
  if (!load.is_train) {
    net::header_at<net::UdpHeader>(transport).length =
        static_cast<uint16_t>(load.length() - sizeof ip);
    return;
  }
  auto& tcp = net::header_at<net::TcpHeader>(transport);
  tcp.offset_reserved = 8 << 4;
  tcp.flags = net::TcpHeader::kAck;
  constexpr uint8_t kTimestamps[12] = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
  std::memcpy(transport + sizeof tcp, kTimestamps, sizeof kTimestamps);
}

// The frames of one batch, as the instance made them.
class Frames {
 public:
  Frames(const Workload& load, uint32_t count) : load_(load) {
    std::mt19937 random(3);
    for (uint32_t i = 0; i < count; ++i) {
      frames_.emplace_back(kEthernet + load.length());
      for (uint8_t& byte : frames_.back()) byte = static_cast<uint8_t>(random());
    }
  }
  std::span<uint8_t> write(uint32_t i, uint32_t source, uint32_t destination) {
    write_headers(load_, frames_[i].data(), source, destination);
    return frames_[i];
  }

 private:
  const Workload& load_;
  std::vector<std::vector<uint8_t>> frames_;
};

struct Figures {
  double ours, raw;  // cycles per wire packet
};

// Which office each frame of a batch belongs to: each of them once, then whichever comes.
class Order {
 public:
  Order(size_t offices, uint32_t frames_per_batch)
      : offices_(offices), untimed_((offices + frames_per_batch - 1) / frames_per_batch) {}
  size_t untimed_turns() const { return untimed_; }
  size_t next() { return next_ < offices_ ? next_++ : random_() % offices_; }

 private:
  size_t offices_, untimed_, next_ = 0;
  std::mt19937 random_{1};
};

// What raw works on: as many packets of the same length.
class RawBatch {
 public:
  RawBatch(size_t offices, bool is_sealing, size_t packets, uint32_t inner_length)
      : is_sealing_(is_sealing), memory_(packets * kRoom), sa_of_(packets) {
    std::vector<ipsec::SaDescription> sas;
    for (size_t i = 0; i < offices; ++i) sas.push_back(describe_sa(kSuite, i, !is_sealing));
    crypto_ = std::make_unique<RawCrypto>(kSuite, sas);
    for (size_t i = 0; i < packets; ++i) packets_.push_back(memory_.data() + i * kRoom);
    text_length_ =
        (inner_length + 2 + 3) / 4 * 4;  // trailer, and padding to 4 bytes (RFC 4303 §2.4)
  }
  void set_sa(size_t first, size_t count, size_t sa) {
    std::fill_n(sa_of_.begin() + static_cast<ptrdiff_t>(first), count, sa);
  }
  void run() { crypto_->run(is_sealing_, packets_, sa_of_.data(), text_length_); }

 private:
  static constexpr size_t kRoom = 1472;  // as trains lie: close, but in whole cache lines
  bool is_sealing_;
  std::vector<uint8_t> memory_;
  std::vector<uint8_t*> packets_;
  std::vector<size_t> sa_of_;
  uint32_t text_length_;
  std::unique_ptr<RawCrypto> crypto_;
};

Figures measure_seal(const Workload& load, size_t offices, size_t timed_turns) {
  BenchNode node(kSuite, offices);
  const uint32_t count = load.frames_per_batch(true), per_frame = load.packets_per_frame();
  Frames frames(load, count);
  RawBatch raw_batch(offices, true, size_t{count} * per_frame, load.wire_length);
  std::vector<dataplane::Pipeline::PortFrame> burst(count);
  Order order(offices, count);
  const size_t turns = order.untimed_turns() + timed_turns;
  Stopwatch ours, raw;
  for (size_t turn = 0; turn < turns; ++turn) {
    for (uint32_t i = 0; i < count; ++i) {
      const size_t office = order.next();
      burst[i] = {load.virtio(), node.land(frames.write(i, kInstance, office_host(office)))};
      raw_batch.set_sa(size_t{i} * per_frame, per_frame, office);
    }
    if (turn == order.untimed_turns()) ours = raw = Stopwatch();
    ours.time(size_t{count} * per_frame, [&] { node.from_instance(burst); });
    raw.time(size_t{count} * per_frame, [&] { raw_batch.run(); });
  }
  FS_CHECK(node.dropped() == 0);
  FS_CHECK(node.counters().value(Counter::kToOffice) == turns * count * per_frame);
  return {ours.median(), raw.median()};
}

Figures measure_open(const Workload& load, size_t offices, size_t timed_turns) {
  BenchNode node(kSuite, offices);
  Offices senders(kSuite, offices);
  const uint32_t count = load.frames_per_batch(false), per_frame = load.packets_per_frame();
  Frames frames(load, 1);
  RawBatch raw_batch(offices, false, size_t{count} * per_frame, load.wire_length);
  const size_t room = load.is_train ? 72 * 1024 : 2048;
  std::vector<uint8_t> wire(room);
  std::vector<io::LandedTrain> trains(count);
  const auto packet = std::make_unique<SuperPacket>();
  Order order(offices, count);
  const size_t turns = order.untimed_turns() + timed_turns;
  Stopwatch ours, raw;
  for (size_t turn = 0; turn < turns; ++turn) {
    for (uint32_t i = 0; i < count; ++i) {
      const size_t office = order.next();
      const auto frame = frames.write(0, office_host(office), kInstance);
      VirtioHeader virtio = load.virtio();
      if (!load.is_train) {  // a right checksum, as an office's host would have made it
        virtio = {.flags = VirtioHeader::kNeedsChecksum,
                  .checksum_start = kEthernet + 20,
                  .checksum_offset = net::UdpHeader::kChecksumOffset};
      }
      FS_CHECK(!dataplane::parse_from_port(frame, kEthernet, virtio, *packet));
      const io::Train sent = senders.seal(*packet, office, wire.data());
      io::Landed landed = node.land({sent.bytes, sent.length});
      trains[i] = {sent, std::move(landed.buffer)};
      trains[i].train.bytes = landed.bytes.data();
      raw_batch.set_sa(size_t{i} * per_frame, per_frame, office);
    }
    if (turn == order.untimed_turns()) ours = raw = Stopwatch();
    ours.time(size_t{count} * per_frame, [&] { node.from_wire(trains); });
    raw.time(size_t{count} * per_frame, [&] { raw_batch.run(); });
  }
  FS_CHECK(node.dropped() == 0);
  FS_CHECK(node.counters().value(Counter::kToPort) == turns * count * per_frame);
  return {ours.median(), raw.median()};
}

constexpr Workload kWorkloads[] = {
    {"64", 64, false}, {"512", 512, false}, {"1400", 1400, false}, {"train", 1400, true}};
constexpr size_t kSaCounts[] = {1, 64, 4096};

struct Row {
  const char* workload;
  size_t sas;
  Figures seal, open;
};

struct Choice {
  size_t turns = 501;
  std::string_view workload;  // empty: all
  size_t sas = 0;             // 0: all
};

std::vector<Row> measure(const Choice& choice) {
  std::vector<Row> rows;
  for (const Workload& load : kWorkloads) {
    if (!choice.workload.empty() && choice.workload != load.name) continue;
    for (const size_t sas : kSaCounts) {
      if (choice.sas != 0 && choice.sas != sas) continue;
      rows.push_back({load.name, sas, measure_seal(load, sas, choice.turns),
                      measure_open(load, sas, choice.turns)});
    }
  }
  return rows;
}

void print_figures(const Figures& of, double per_ns) {
  fmt::print("{:>6.0f} ({:>5.0f}) {:>6.0f} {:>6.2f}", of.ours, of.ours / per_ns, of.raw,
             of.ours / of.raw);
}

void print_table(const std::vector<Row>& rows, double per_ns) {
  fmt::print(
      "Pipeline without I/O, AES-256-GCM with ESN in UDP, beside raw intel-ipsec-mb {} ({}); one "
      "core, TSC {:.3f} GHz\ncycles (ns) per wire packet, medians; train: TSO super-packets of {} "
      "× 1400 bytes\n\n",
      imb_get_version_str(), (*crypto::Context::create())->architecture(), per_ns, kSegments);
  fmt::print("{:>6} {:>5} |{:>14} {:>6} {:>6} |{:>14} {:>6} {:>6}\n", "bytes", "SAs", "seal", "raw",
             "ratio", "open", "raw", "ratio");
  for (const Row& row : rows) {
    fmt::print("{:>6} {:>5} |", row.workload, row.sas);
    print_figures(row.seal, per_ns);
    fmt::print(" |");
    print_figures(row.open, per_ns);
    fmt::print("\n");
  }
}

void print_json(const std::vector<Row>& rows, double per_ns) {
  fmt::print("{{\"tsc_ghz\": {:.3f}, \"rows\": [", per_ns);
  const char* separator = "";
  for (const Row& row : rows) {
    fmt::print(
        "{}\n  {{\"bytes\": \"{}\", \"sas\": {}, \"seal_cycles\": {:.0f}, \"seal_raw_cycles\": "
        "{:.0f}, \"open_cycles\": {:.0f}, \"open_raw_cycles\": {:.0f}}}",
        separator, row.workload, row.sas, row.seal.ours, row.seal.raw, row.open.ours, row.open.raw);
    separator = ",";
  }
  fmt::print("]}}\n");
}

}  // namespace
}  // namespace farspan::bench

int main(int argc, char** argv) {
  using namespace farspan::bench;

  CLI::App app{"Cycles per packet of the pipeline without I/O, beside raw intel-ipsec-mb"};
  Choice choice;
  std::string workload;
  bool is_json = false;
  app.add_option("--turns", choice.turns, "batches measured of each row")
      ->check(CLI::Range(1, 1000000));
  app.add_option("--bytes", workload, "one size only: 64, 512, 1400 or train")
      ->check(CLI::IsMember({"64", "512", "1400", "train"}));
  app.add_option("--sas", choice.sas, "one number of SAs only: 1, 64 or 4096")
      ->check(CLI::IsMember({1, 64, 4096}));
  app.add_flag("--json", is_json, "for programs");
  CLI11_PARSE(app, argc, argv);
  choice.workload = workload;

  const double per_ns = tsc_per_ns();
  const auto rows = measure(choice);
  is_json ? print_json(rows, per_ns) : print_table(rows, per_ns);
}
