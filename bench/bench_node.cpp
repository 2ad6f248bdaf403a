// SPDX-License-Identifier: Apache-2.0
#include "bench/bench_node.h"

#include <farspan/v1/tables.pb.h>
#include <fcntl.h>

#include "farspan/dataplane/packet/segment.h"
#include "farspan/net/address.h"

namespace farspan::bench {
namespace {

using dataplane::SuperPacket;

constexpr uint32_t kVrf = 1, kPort = 1, kGroup = 1;
constexpr uint16_t kNatPort = 4500;

uint32_t tunnel_of(size_t office) { return static_cast<uint32_t>(office) + 1; }

ipsec::SelectorRange subnet_of(size_t office) {
  const uint32_t first = office_host(office) & 0xffffff00;
  return {.address_low = first, .address_high = first + 255};
}

std::string text_of(uint32_t address) { return net::Address::v4(address).text(); }

v1::Route* add_route(v1::TablesBatch& batch, const std::string& destination, v1::TableKind table) {
  v1::Route* route = batch.add_routes();
  route->mutable_key()->set_vrf(kVrf);
  route->mutable_key()->set_table(table);
  route->mutable_key()->set_destination(destination);
  return route;
}

v1::TablesBatch tables_with(size_t offices) {
  v1::TablesBatch batch;
  batch.set_is_snapshot(true);
  batch.set_generation(1);
  v1::Vrf* vrf = batch.add_vrfs();
  vrf->set_id(kVrf);
  vrf->set_router("10.0.0.1");
  vrf->set_label(17);
  auto* group = batch.add_security_groups();
  group->set_id(kGroup);
  auto* rule = group->add_ingress();
  rule->set_port_high(65535);
  rule->set_peer("0.0.0.0/0");
  rule->set_priority(1);
  auto* port = batch.add_ports();
  port->set_id(kPort);
  port->set_vrf(kVrf);
  port->set_address(text_of(kInstance));
  port->set_gateway("10.0.0.1");
  port->set_subnet("10.0.0.0/24");
  port->set_mac(std::string("\x02\xf5\x00\x00\x00\x01", 6));
  port->set_has_fd(true);
  port->set_mtu(1500);
  port->add_security_groups(kGroup);
  for (size_t i = 0; i < offices; ++i) {
    auto* tunnel = batch.add_tunnels();
    tunnel->set_id(tunnel_of(i));
    tunnel->set_vrf(kVrf);
  }
  for (const auto table : {v1::TABLE_KIND_VPC, v1::TABLE_KIND_GATEWAY}) {
    add_route(batch, text_of(kInstance) + "/32", table)->mutable_next_hop()->set_port(kPort);
    for (size_t i = 0; i < offices; ++i) {
      add_route(batch, text_of(office_host(i) & 0xffffff00) + "/24", table)
          ->mutable_next_hop()
          ->mutable_tunnel()
          ->set_tunnel(tunnel_of(i));
    }
  }
  return batch;
}

}  // namespace

ipsec::SaDescription describe_sa(crypto::Suite suite, size_t office, bool is_inbound) {
  const uint32_t spi = is_inbound ? spi_to_node(office) : spi_to_office(office);
  std::mt19937 random(spi);  // so that both ends make the same keys
  ipsec::SaDescription sa = ipsec::any_sa(random, suite, is_inbound, spi);
  sa.tunnel = tunnel_of(office);
  sa.reqid = 1;
  sa.has_esn = true;
  const ipsec::SelectorRange theirs = subnet_of(office);
  sa.selectors = is_inbound ? ipsec::TrafficSelectors({theirs}, {ipsec::SelectorRange{}})
                            : ipsec::TrafficSelectors({ipsec::SelectorRange{}}, {theirs});
  sa.path = {{kNodeUnderlay, kNatPort}, {office_underlay(office), kNatPort}, true};
  return sa;
}

BenchNode::BenchNode(crypto::Suite suite, size_t offices, dataplane::PipelineLimits limits)
    : context_(std::move(crypto::Context::create()).value()),
      arena_(std::move(ipsec::SequenceArena::open(arena_file_.path())).value()),
      sad_(std::make_unique<ipsec::Sad>(*arena_, *context_)),
      esp_(std::move(ipsec::EspWorker::create({})).value()) {
  for (size_t i = 0; i < offices; ++i) {
    for (const bool is_inbound : {true, false}) {
      FS_CHECK(sad_->add(describe_sa(suite, i, is_inbound), 1) == ipsec::SadVerdict::kOk);
    }
    ipsec::PolicyDescription policy;
    policy.tunnel = tunnel_of(i);
    policy.reqid = 1;
    policy.spi = spi_to_office(i);
    policy.destination = subnet_of(i);
    FS_CHECK(sad_->add_policy(policy, 1) == ipsec::SadVerdict::kOk);
  }
  std::vector<UniqueFd> devices;  // only to be there: frames go through write_port()
  devices.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
  auto tables = builder_.apply(tables_with(offices), std::move(devices));
  FS_CHECK(tables.ok());
  tables_ = std::move(tables).value();
  pipeline_ = std::make_unique<dataplane::Pipeline>(*this, pool_, *esp_, ipsec::SaEventSink{},
                                                    counters_, limits);
}

void BenchNode::change_policies() {
  ipsec::PolicyDescription passing;
  passing.tunnel = UINT32_MAX;
  FS_CHECK(sad_->add_policy(passing, 1) == ipsec::SadVerdict::kOk);
  FS_CHECK(sad_->remove_policy(passing) == ipsec::SadVerdict::kOk);
}

void BenchNode::rest(std::chrono::seconds time) {
  now_ += time;
  do {
    from_wire({});
  } while (pipeline_->has_late_flows());
}

void BenchNode::from_instance(std::span<dataplane::Pipeline::PortFrame> frames) {
  pipeline_->begin_batch(*tables_, sad_->view(), now_);
  pipeline_->from_port(dataplane::PortIndex(0), frames);
  pipeline_->end_batch();
}

void BenchNode::from_wire(std::span<io::LandedTrain> trains) {
  pipeline_->begin_batch(*tables_, sad_->view(), now_);
  pipeline_->from_underlay(trains);
  pipeline_->end_batch();
}

io::Landed BenchNode::land(std::span<const uint8_t> bytes) {
  const bool is_small = bytes.size() <= io::Buffer::kSmallRoom;
  io::Buffer buffer = is_small ? pool_.take_small() : pool_.take_large();
  FS_CHECK(buffer);
  uint8_t* const room = buffer.room();
  std::copy(bytes.begin(), bytes.end(), room);
  return {std::move(buffer), {room, bytes.size()}};
}

uint64_t BenchNode::dropped() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < dataplane::kDropReasonCount; ++i) {
    sum += counters_.value(static_cast<dataplane::DropReason>(i));
  }
  return sum;
}

io::WriteVerdict BenchNode::write_port(const dataplane::PortEntry&, std::span<const iovec>) {
  return io::WriteVerdict::kWritten;
}

void BenchNode::send(std::span<const io::Train> trains, std::span<io::SendVerdict> verdicts) {
  for (size_t i = 0; i < trains.size(); ++i) verdicts[i] = io::SendVerdict::kSent;
}

Offices::Offices(crypto::Suite suite, size_t count)
    : context_(std::move(crypto::Context::create()).value()),
      arena_(std::move(ipsec::SequenceArena::open(arena_file_.path())).value()),
      esp_(std::move(ipsec::EspWorker::create({})).value()) {
  for (size_t i = 0; i < count; ++i) {
    const ipsec::SaDescription sa = describe_sa(suite, i, true);
    ipsec::KeyFingerprint fingerprint{};
    auto slot = arena_->claim(false, sa.spi, fingerprint);
    FS_CHECK(slot.ok());
    sas_.push_back(
        std::make_unique<ipsec::OutboundSa>(*context_, sa, ipsec::SlotClaim{*arena_, *slot}));
  }
}

io::Train Offices::seal(const SuperPacket& packet, size_t office, uint8_t* to) {
  ipsec::OutboundSa& sa = *sas_[office];
  std::array<ipsec::SealSlot, io::kMaxTrainPackets> slots;
  size_t count = 0;
  uint32_t length = 0;
  for (dataplane::Segmenter segments(packet); segments.remaining() > 0; ++count) {
    uint8_t* const esp = to + length;
    const uint32_t inner = segments.write_next(esp + sa.prefix_length());
    slots[count] = {&sa, esp, inner, 4, 0, {}};
    length += sa.sealed_length(inner);
  }
  esp_->seal({slots.data(), count});
  return {.source = {office_underlay(office), kNatPort},
          .destination = {kNodeUnderlay, kNatPort},
          .bytes = to,
          .length = length,
          .segment_size = slots[0].esp_length,
          .tos = 0};
}

}  // namespace farspan::bench
