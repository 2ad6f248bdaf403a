// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/rig.h"

#include <farspan/v1/tables.pb.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>

namespace farspan::dataplane::testing {
namespace {

constexpr PipelineLimits kSmall{.flows = 1024,
                                .reassembly = {.datagrams = 8, .datagrams_per_ingress = 4}};

ipsec::SecretBytes key_of(uint8_t seed, uint32_t length) {
  ipsec::SecretBytes key;
  key.length = static_cast<uint8_t>(length);
  for (uint32_t i = 0; i < length; ++i) key.bytes[i] = static_cast<uint8_t>(seed + 7 * i);
  return key;
}

}  // namespace

TestNode::TestNode(std::string node_name, const std::string& underlay_address)
    : name(std::move(node_name)), underlay(address_of(underlay_address)) {
  context_ = std::move(crypto::Context::create()).value();
  static int nodes = 0;
  arena_path_ = ::testing::TempDir() + "farspan-" + name + "-" + std::to_string(::getpid()) + "-" +
                std::to_string(nodes++);
  ::unlink(arena_path_.c_str());
  arena_ = std::move(ipsec::SequenceArena::open(arena_path_, 64)).value();
  sad_ = std::make_unique<ipsec::Sad>(*arena_, *context_);
  tables_ = builder_.first();
  esp_ = std::move(ipsec::EspWorker::create({&TestNode::put_event, this})).value();
  pipeline_ = std::make_unique<Pipeline>(
      *this, pool_, *esp_, ipsec::SaEventSink{&TestNode::put_event, this}, counters_, kSmall);
}

TestNode::~TestNode() {
  if (held_fragments() == 0) {
    EXPECT_EQ(pool_.free_small(), kBuffers.small) << name << " keeps buffers of what ended";
    EXPECT_EQ(pool_.free_large(), kBuffers.large) << name << " keeps buffers of what ended";
  }
  EXPECT_EQ(unaccounted(), 0) << name << " lost count of its packets";
  ::unlink(arena_path_.c_str());
}

bool TestNode::put_event(void* node, const ipsec::SaEvent& event) {
  static_cast<TestNode*>(node)->events_.push_back(event);
  return true;
}

void TestNode::program(const std::function<void(v1::TablesBatch&)>& fill) {
  v1::TablesBatch batch;
  batch.set_is_snapshot(true);
  batch.set_generation(tables_->generation + 1);
  fill(batch);
  std::vector<UniqueFd> devices;  // only to be there: frames go through write_port()
  for (const auto& port : batch.ports()) {
    if (port.has_fd()) devices.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
  }
  auto next = builder_.apply(batch, std::move(devices));
  ASSERT_TRUE(next.ok()) << name << ": " << next.error().text();
  tables_ = std::move(next).value();
}

void TestNode::add_sa(bool is_inbound, uint32_t spi, uint32_t tunnel, uint32_t remote,
                      const ipsec::SecretBytes& key, const ipsec::SecretBytes& integrity,
                      const SaOptions& options) {
  const uint16_t here = options.is_udp ? 4500 : 0,
                 there = options.is_udp ? options.remote_port : uint16_t{0};
  ipsec::SaDescription sa;
  sa.is_inbound = is_inbound;
  sa.spi = spi;
  sa.tunnel = tunnel;
  sa.reqid = 1;
  sa.suite = options.suite;
  sa.encryption_key = key;
  sa.integrity_key = integrity;
  sa.path = {{underlay, here}, {remote, there}, options.is_udp};
  sa.limits = options.limits;
  sa.copying = {.ecn = true, .dscp_outward = true};
  sa.selectors = is_inbound ? ipsec::TrafficSelectors(options.theirs, options.ours)
                            : ipsec::TrafficSelectors(options.ours, options.theirs);
  ASSERT_EQ(sad_->add(sa, 1), ipsec::SadVerdict::kOk);
  if (is_inbound) return;
  ipsec::PolicyDescription policy;
  policy.tunnel = tunnel;
  policy.reqid = 1;
  policy.spi = spi;
  policy.source = options.ours.front();
  policy.destination = options.theirs.front();
  ASSERT_EQ(sad_->add_policy(policy, 1), ipsec::SadVerdict::kOk);
}

void TestNode::add_trap(uint32_t tunnel) {
  ipsec::PolicyDescription policy;
  policy.priority = 2;
  policy.tunnel = tunnel;
  policy.reqid = 7;
  ASSERT_EQ(sad_->add_policy(policy, 1), ipsec::SadVerdict::kOk);
}

void TestNode::remove_outbound(uint32_t spi, uint32_t tunnel) {
  ASSERT_EQ(sad_->remove({.is_inbound = false, .spi = spi, .tunnel = tunnel}),
            ipsec::SadVerdict::kOk);
}

const ipsec::SadView& TestNode::sas() {
  if (forgets_ways) {  // a change of policies ends what flows know of SAs
    ipsec::PolicyDescription passing;
    passing.tunnel = UINT32_MAX;
    EXPECT_EQ(sad_->add_policy(passing, 1), ipsec::SadVerdict::kOk);
    EXPECT_EQ(sad_->remove_policy(passing), ipsec::SadVerdict::kOk);
  }
  return sad_->view();
}

void TestNode::move_outbound(uint32_t tunnel, ipsec::Endpoint remote) {
  const ipsec::OutboundSa& sa = *sas().newest_outbound(tunnel);
  ipsec::OuterPath path = sa.path();
  path.remote = remote;
  ASSERT_EQ(sad_->move({.is_inbound = false, .spi = sa.spi(), .tunnel = tunnel}, path),
            ipsec::SadVerdict::kOk);
}

template <class Do>
void TestNode::batch(Do act) {
  pipeline_->begin_batch(*tables_, sas(), now_);
  act();
  pipeline_->end_batch();
}

void TestNode::from_instance(uint32_t port, const Bytes& frame, const VirtioHeader& virtio) {
  from_instance(port, std::vector<Bytes>{frame}, virtio);
}

void TestNode::from_instance(uint32_t port, const std::vector<Bytes>& frames,
                             const VirtioHeader& virtio) {
  for (uint32_t i = 0; i < tables_->ports.size(); ++i) {
    if (tables_->ports[i].is_vacant || tables_->ports[i].id != PortId(port)) continue;
    batch([&] {
      for (const Bytes& bytes : frames) {
        Pipeline::PortFrame one{virtio, land(bytes)};
        pipeline_->from_port(PortIndex(i), {&one, 1});
        pipeline_->flush();
      }
    });
  }
}

void TestNode::set_uso(uint32_t port, bool has_uso) {
  for (uint32_t i = 0; i < tables_->ports.size(); ++i) {
    const PortEntry& row = tables_->ports[i];
    if (!row.is_vacant && row.id == PortId(port)) pipeline_->set_uso(PortIndex(i), has_uso);
  }
}

void TestNode::burst_from_instance(uint32_t port, const std::vector<Frame>& frames) {
  std::vector<Pipeline::PortFrame> burst;
  for (const Frame& one : frames) burst.push_back({one.virtio, land(one.bytes)});
  for (uint32_t i = 0; i < tables_->ports.size(); ++i) {
    if (tables_->ports[i].is_vacant || tables_->ports[i].id != PortId(port)) continue;
    batch([&] { pipeline_->from_port(PortIndex(i), burst); });
  }
}

io::Landed TestNode::land(const Bytes& bytes) {
  const bool is_small = bytes.size() <= io::Buffer::kSmallRoom;
  io::Buffer buffer = is_small ? pool_.take_small() : pool_.take_large();
  if (!buffer) return {};
  std::copy(bytes.begin(), bytes.end(), buffer.room());
  uint8_t* const room = buffer.room();
  return {std::move(buffer), {room, bytes.size()}};
}

std::vector<io::Buffer> TestNode::take_all_buffers() {
  std::vector<io::Buffer> all;
  while (io::Buffer one = pool_.take_small()) all.push_back(std::move(one));
  while (io::Buffer one = pool_.take_large()) all.push_back(std::move(one));
  return all;
}

void TestNode::from_nowhere(const Bytes& frame) {
  const auto behind = static_cast<uint32_t>(tables_->ports.size());
  Pipeline::PortFrame one{{}, land(frame)};
  batch([&] { pipeline_->from_port(PortIndex(behind), {&one, 1}); });
}

void TestNode::from_wire(const std::vector<Sent>& trains) {
  std::vector<io::LandedTrain> received;
  for (const Sent& train : trains) {
    io::Landed landed = land(train.bytes);
    received.push_back({{.source = train.source,
                         .destination = train.destination,
                         .bytes = landed.bytes.data(),
                         .length = static_cast<uint32_t>(train.bytes.size()),
                         .segment_size = train.segment_size,
                         .tos = train.tos},
                        std::move(landed.buffer)});
  }
  batch([&] { pipeline_->from_underlay(received); });
}

void TestNode::from_charon(const IkeDatagram& datagram) {
  batch([&] { pipeline_->from_ike(datagram); });
}

void TestNode::from_routers(const std::vector<io::Quote>& quotes) {
  batch([&] { pipeline_->from_quotes(quotes); });
}

void TestNode::change_routes() {
  batch([&] { pipeline_->routes_changed(); });
}

PathReport TestNode::path_of(uint32_t tunnel) const {
  return tables_->at(*tables_->find_tunnel(TunnelId(tunnel))).path->report();
}

void TestNode::advance(std::chrono::milliseconds by) {
  now_ += by;
  batch([] {});
}

// By hand and with GCM only, so that text may be what the data plane would never write (RFC 4106).
Sent TestNode::seal_text(uint32_t tunnel, const Bytes& text) {
  constexpr size_t kPrefix = 16, kIcv = 16;
  ipsec::OutboundSa* sa = sas().newest_outbound(tunnel);
  Bytes esp(kPrefix + text.size() + kIcv);
  const auto put32 = [&](size_t at, uint32_t value) {
    for (size_t k = 0; k < 4; ++k) esp[at + k] = static_cast<uint8_t>(value >> (24 - 8 * k));
  };
  const auto sequence = static_cast<uint32_t>(sa->take_sequences(1).first);
  put32(0, sa->spi());
  put32(4, sequence);
  put32(12, sequence);  // low half of the IV
  std::copy(text.begin(), text.end(), esp.begin() + kPrefix);
  context_->aead_seal(sa->keys(), esp.data() + 8, {esp.data(), 8},
                      {esp.data() + kPrefix, text.size()}, esp.data() + kPrefix + text.size());
  const ipsec::OuterPath path = sa->path();
  const auto length = static_cast<uint32_t>(esp.size());
  return {{path.local.address, path.local.port},
          {path.remote.address, path.remote.port},
          0,
          length,
          std::move(esp)};
}

Sent TestNode::seal(uint32_t tunnel, const Bytes& inner, uint8_t next_header) {
  Bytes text = inner;
  while (text.size() % 4 != 2) text.push_back(static_cast<uint8_t>(text.size() - inner.size() + 1));
  text.push_back(static_cast<uint8_t>(text.size() - inner.size()));
  text.push_back(next_header);
  return seal_text(tunnel, text);
}

Sent TestNode::seal_train(uint32_t tunnel, const std::vector<Bytes>& inner, uint8_t next_header) {
  ipsec::OutboundSa* const sa = sas().newest_outbound(tunnel);
  const ipsec::OuterPath path = sa->path();
  Sent train;
  train.source = {path.local.address, path.local.port};
  train.destination = {path.remote.address, path.remote.port};
  for (const Bytes& packet : inner) {
    const auto length = static_cast<uint32_t>(packet.size());
    Bytes esp(sa->sealed_length(length));
    std::copy(packet.begin(), packet.end(), esp.begin() + sa->prefix_length());
    ipsec::SealSlot slot{sa, esp.data(), length, next_header, 0, {}};
    esp_->seal({&slot, 1});
    EXPECT_EQ(slot.sealed, 1u);
    if (train.segment_size == 0) train.segment_size = slot.esp_length;
    train.bytes.insert(train.bytes.end(), esp.begin(), esp.end());
  }
  return train;
}

void TestNode::use_up_sequence_numbers(uint32_t tunnel) {
  using Slot = ipsec::SequenceArena::Slot;
  const uint32_t spi = sas().newest_outbound(tunnel)->spi();
  const int file = ::open(arena_path_.c_str(), O_RDWR | O_CLOEXEC);
  Slot slot;
  for (size_t i = 0; i < arena_->slots(); ++i) {
    const auto at = static_cast<off_t>(64 + i * sizeof slot);
    EXPECT_EQ(::pread(file, &slot, sizeof slot, at), static_cast<ssize_t>(sizeof slot));
    if (slot.spi != spi || slot.is_inbound != 0) continue;
    slot.number = UINT32_MAX;
    EXPECT_EQ(::pwrite(file, &slot, sizeof slot, at), static_cast<ssize_t>(sizeof slot));
  }
  ::close(file);
}

std::vector<std::string> TestNode::taken_from(uint32_t port) {
  std::vector<std::string> texts;
  for (const Written& write : writes_of(port))
    texts.push_back(text_of(write.packet, write.is_partial()));
  return texts;
}
std::vector<Written> TestNode::writes_of(uint32_t port) {
  return std::exchange(written_[port], {});
}
std::vector<Sent> TestNode::sent() { return std::exchange(sent_, {}); }
std::vector<Bytes> TestNode::ike() { return std::exchange(ike_, {}); }
std::vector<ipsec::SaEvent> TestNode::events() { return std::exchange(events_, {}); }

uint64_t TestNode::dropped() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < kDropReasonCount; ++i) sum += counters_.value(static_cast<DropReason>(i));
  return sum;
}

const InterfaceCounters& TestNode::counters_of(uint32_t port) const {
  return *std::ranges::find(tables_->ports, PortId(port), &PortEntry::id)->counters;
}

const InterfaceCounters& TestNode::counters_of_tunnel(uint32_t tunnel) const {
  return *tables_->at(*tables_->find_tunnel(TunnelId(tunnel))).counters;
}

std::vector<Flow> TestNode::flows() const {
  std::vector<Flow> rows(pipeline_->flows().size());
  std::optional<uint32_t> cursor = 0;
  rows.resize(pipeline_->flows().copy(&cursor, UINT32_MAX, rows));
  return rows;
}

int64_t TestNode::unaccounted() const {
  using enum Counter;
  uint64_t in = 0, out = 0;
  for (const Counter c :
       {kFromPort, kFromOffice, kFromLink, kFromUnderlay, kFromIke, kAnswered, kFragmented})
    in += count(c);
  for (const Counter c : {kToPort, kToOffice, kToLink, kToUnderlay, kToIke, kConsumed})
    out += count(c);
  return static_cast<int64_t>(in) -
         static_cast<int64_t>(out + dropped() + pipeline_->held_fragments());
}

io::WriteVerdict TestNode::write_port(const PortEntry& port, std::span<const iovec> frame) {
  if (write_verdict != io::WriteVerdict::kWritten) return write_verdict;
  Bytes bytes;
  for (const iovec& part : frame) {
    const auto* from = static_cast<const uint8_t*>(part.iov_base);
    bytes.insert(bytes.end(), from, from + part.iov_len);
  }
  Written write;
  std::memcpy(&write.virtio, bytes.data(), sizeof write.virtio);
  EXPECT_TRUE(std::equal(port.mac.begin(), port.mac.end(), bytes.begin() + 10))
      << "frame to another MAC address";
  write.packet.assign(bytes.begin() + 24, bytes.end());
  written_[port.id.value()].push_back(std::move(write));
  return io::WriteVerdict::kWritten;
}

void TestNode::send(std::span<const io::Train> trains, std::span<io::SendVerdict> verdicts) {
  for (size_t i = 0; i < trains.size(); ++i) {
    verdicts[i] = send_verdict;
    const io::Train& train = trains[i];
    if (send_verdict != io::SendVerdict::kSent) continue;
    EXPECT_LE(train.length, io::kMaxTrainBytes);
    EXPECT_LE(train.packet_count(), io::kMaxTrainPackets);
    EXPECT_LE(train.segment_size + 28, underlay_mtu) << name << " sent more than the path carries";
    sent_.push_back({train.source, train.destination, train.tos, train.segment_size,
                     Bytes(train.bytes, train.bytes + train.length), train.may_fragment});
  }
}

std::optional<DropReason> TestNode::to_ike(const IkeDatagram& datagram) {
  if (!ike_refusal) ike_.emplace_back(datagram.payload.begin(), datagram.payload.end());
  return ike_refusal;
}

std::optional<uint32_t> TestNode::route_mtu(uint32_t) { return underlay_mtu; }
void TestNode::port_died(const PortEntry&) {}

void connect(TestNode& a, uint32_t tunnel_of_a, TestNode& b, uint32_t tunnel_of_b,
             TestNode::SaOptions options_of_a) {
  TestNode::SaOptions options_of_b = options_of_a;
  std::swap(options_of_b.ours, options_of_b.theirs);
  static uint32_t next_spi = 0xc0000001;
  const crypto::Suite suite = options_of_a.suite;
  for (const bool is_towards_a : {true, false}) {
    const uint32_t spi = next_spi++;
    const auto key = key_of(static_cast<uint8_t>(spi), suite.key_length() + suite.salt_length());
    const auto integrity = key_of(static_cast<uint8_t>(spi + 100), suite.is_aead() ? 0 : 32);
    a.add_sa(is_towards_a, spi, tunnel_of_a, b.underlay, key, integrity, options_of_a);
    b.add_sa(!is_towards_a, spi, tunnel_of_b, a.underlay, key, integrity, options_of_b);
  }
}

void allow_from(v1::TablesBatch& batch, const std::string& peer, uint32_t protocol) {
  auto* group = batch.security_groups_size() > 0 ? batch.mutable_security_groups(0)
                                                 : batch.add_security_groups();
  group->set_id(1);
  auto* rule = group->add_ingress();
  rule->set_protocol(protocol);
  rule->set_port_high(65535);
  rule->set_peer(peer);
  rule->set_priority(1);
}

namespace {

v1::Route* add_route(v1::TablesBatch& batch, const std::string& destination, v1::TableKind table) {
  v1::Route* route = batch.add_routes();
  route->mutable_key()->set_vrf(1);
  route->mutable_key()->set_table(table);
  route->mutable_key()->set_destination(destination);
  return route;
}

}  // namespace

void plain_tables(v1::TablesBatch& batch, const std::string& own,
                  std::map<std::string, uint32_t> tunnels) {
  auto* vrf = batch.add_vrfs();
  vrf->set_id(1);
  vrf->set_router(own + ".1");
  vrf->set_label(kLabel);
  for (const uint32_t id : {5u, 6u}) {
    auto* port = batch.add_ports();
    port->set_id(id);
    port->set_vrf(1);
    port->set_address(own + "." + std::to_string(id));
    port->set_gateway(own + ".1");
    port->set_subnet(own + ".0/24");
    port->set_mac(std::string("\x02\xf5\x00\x00\x00", 5) + static_cast<char>(id));
    port->set_has_fd(true);
    port->set_mtu(1500);
    port->add_security_groups(1);
  }
  std::map<uint32_t, bool> known;
  for (const auto& [prefix, id] : tunnels) {
    if (known.emplace(id, true).second) {
      auto* tunnel = batch.add_tunnels();
      tunnel->set_id(id);
      tunnel->set_is_link((id & 0x80000000) != 0);
      if (tunnel->is_link()) {
        tunnel->add_labels(kLabel);
      } else {
        tunnel->set_vrf(1);
      }
    }
  }
  for (const auto table : {v1::TABLE_KIND_VPC, v1::TABLE_KIND_GATEWAY}) {
    add_route(batch, own + ".1/32", table)->mutable_next_hop()->mutable_router();
    add_route(batch, own + ".0/24", table)->mutable_next_hop()->mutable_unreachable();
    for (const uint32_t id : {5u, 6u}) {
      add_route(batch, own + "." + std::to_string(id) + "/32", table)
          ->mutable_next_hop()
          ->set_port(id);
    }
    for (const auto& [prefix, id] : tunnels) {
      auto* to = add_route(batch, prefix, table)->mutable_next_hop()->mutable_tunnel();
      to->set_tunnel(id);
      if ((id & 0x80000000) != 0) to->set_label(kLabel);
    }
  }
}

Tso tso(const Ip& ip, uint16_t mss, size_t length) {
  Bytes packet = tcp(ip, {.flags = 0x18}, std::string(length, 'd'));
  uint32_t sum = 6 + static_cast<uint32_t>(packet.size() -
                                           20);  // of the pseudo-header, as the kernel leaves it
  for (size_t i = 12; i < 20; i += 2) sum += uint32_t{packet[i]} << 8 | packet[i + 1];
  while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
  packet[36] = static_cast<uint8_t>(sum >> 8);
  packet[37] = static_cast<uint8_t>(sum);
  return {frame(packet),
          {.flags = VirtioHeader::kNeedsChecksum,
           .gso_type = VirtioHeader::kTcpV4,
           .header_length = 54,
           .gso_size = mss,
           .checksum_start = 34,
           .checksum_offset = 16}};
}

World::World() {
  const auto fill = [](const std::string& own, std::map<std::string, uint32_t> tunnels) {
    return [=](v1::TablesBatch& batch) {
      plain_tables(batch, own, tunnels);
      allow_from(batch, "0.0.0.0/0");
    };
  };
  berlin.program(fill(
      "10.1.0", {{"10.2.0.0/24", kLink}, {"172.18.0.0/24", kLink}, {"172.16.0.0/24", kOffice}}));
  osaka.program(fill(
      "10.2.0", {{"10.1.0.0/24", kLink}, {"172.16.0.0/24", kLink}, {"172.18.0.0/24", kOffice}}));
  paris.program(fill("172.16.0", {{"10.0.0.0/8", kOffice}, {"172.18.0.0/24", kOffice}}));
  kyoto.program(fill("172.18.0", {{"10.0.0.0/8", kOffice}, {"172.16.0.0/24", kOffice}}));
  connect(berlin, kLink, osaka, kLink);
  connect(berlin, kOffice, paris, kOffice);
  connect(osaka, kOffice, kyoto, kOffice);
}

size_t World::carry(TestNode& from, TestNode& to) {
  const auto trains = from.sent();
  size_t packets = 0;
  for (const Sent& train : trains) packets += train.packets();
  to.from_wire(trains);
  return packets;
}

void World::expect_drops(const TestNode& node, std::map<DropReason, uint64_t> wanted) {
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    const auto found = wanted.find(reason);
    EXPECT_EQ(node.dropped(reason), found == wanted.end() ? 0u : found->second)
        << node.name << ": drop." << row_of(reason).name;
  }
}

}  // namespace farspan::dataplane::testing
