// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/worker.h"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>

#include <cstring>

namespace farspan::dataplane {
namespace {

constexpr int kEventsPerWait = 64;
constexpr uint32_t kFramesPerTurn = Pipeline::kBurst;  // of one port, before the next one's turn
constexpr uint32_t kDatagramsPerTurn = 64;             // of charon
constexpr uint16_t kIkePort = 500, kNatPort = 4500;

}  // namespace

Result<std::unique_ptr<Worker>> Worker::create(SharedState& shared, ipsec::SadView::Reader sas,
                                               const std::string& run_dir,
                                               const PipelineLimits& limits) {
  auto ike = io::UdpUnderlay::open(kIkePort);
  if (!ike) return ike.error();
  auto nat = io::UdpUnderlay::open(kNatPort);
  if (!nat) return nat.error();
  auto native = io::RawEsp::open();
  if (!native) return native.error();
  auto quotes = io::IcmpQuotes::open();
  if (!quotes) return quotes.error();
  auto route_mtu = io::RouteMtu::open();
  if (!route_mtu) return route_mtu.error();
  auto relay = IkeRelay::listen(run_dir + "/ike.sock");
  if (!relay) return relay.error();
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return Error{ErrorCode::kUnavailable, "epoll", "", std::strerror(errno), ""};

  auto esp = ipsec::EspWorker::create({&Worker::put_event, &shared});
  if (!esp) return esp.error();
  Sockets sockets{std::move(*ike),       std::move(*nat),   std::move(*native), std::move(*quotes),
                  std::move(*route_mtu), std::move(*relay), IkeGate()};
  std::unique_ptr<Worker> worker(
      new Worker(shared, sas, std::move(sockets), std::move(*esp), std::move(epoll), limits));
  const bool is_watching = worker->watch(shared.wakeup.get(), Source::kWakeup) &&
                           worker->watch(shared.flow_request.wakeup_fd(), Source::kFlowRequest) &&
                           worker->watch(worker->sockets_.ike.fd(), Source::kIke) &&
                           worker->watch(worker->sockets_.nat.fd(), Source::kNat) &&
                           worker->watch(worker->sockets_.native.fd(), Source::kNative) &&
                           worker->watch(worker->sockets_.quotes.fd(), Source::kQuotes) &&
                           worker->watch(worker->sockets_.route_mtu.fd(), Source::kRoutes) &&
                           worker->watch(worker->sockets_.relay.listener(), Source::kRelayListener);
  if (!is_watching) return Error{ErrorCode::kUnavailable, "epoll", "", std::strerror(errno), ""};
  return worker;
}

Worker::Worker(SharedState& shared, ipsec::SadView::Reader sas, Sockets sockets,
               std::unique_ptr<ipsec::EspWorker> esp, UniqueFd epoll, const PipelineLimits& limits)
    : shared_(shared),
      tables_reader_(shared.tables.reader()),
      sad_reader_(sas),
      sockets_(std::move(sockets)),
      esp_(std::move(esp)),
      pipeline_(*this, pool_, *esp_, {&Worker::put_event, &shared}, shared.counters, limits),
      epoll_(std::move(epoll)) {}

Worker::~Worker() = default;

bool Worker::put_event(void* shared, const ipsec::SaEvent& event) {
  return static_cast<SharedState*>(shared)->sa_events.push(event);
}

void Worker::run() {
  std::array<epoll_event, kEventsPerWait> ready;
  while (!shared_.is_stopping.load(std::memory_order_relaxed)) {
    const bool has_more = shared_.flow_request.is_waiting() || pipeline_.has_late_flows();
    const int wait = has_more ? 0 : static_cast<int>(pipeline_.wait().count());
    const int count = ::epoll_wait(epoll_.get(), ready.data(), kEventsPerWait, wait);
    const Tables& tables = tables_reader_.acquire();
    const ipsec::SadView& sad = sad_reader_.acquire();
    tables_ = &tables;
    sad_ = &sad;
    if (tables.version != watched_version_) watch_ports(tables);

    pipeline_.begin_batch(tables, sad, std::chrono::steady_clock::now());
    for (int i = 0; i < count; ++i) {
      const uint64_t key = ready[static_cast<size_t>(i)].data.u64;
      serve(static_cast<Source>(key >> 32), static_cast<uint32_t>(key), tables);
    }
    pipeline_.end_batch();
    if (shared_.flow_request.is_waiting())
      shared_.flow_request.serve(pipeline_.flows(), pipeline_.now());
    tables_reader_.quiesce();
    sad_reader_.quiesce();
  }
}

bool Worker::watch(int fd, Source source, uint32_t index) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = uint64_t{static_cast<uint32_t>(source)} << 32 | index;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Worker::watch_ports(const Tables& tables) {
  watched_version_ = tables.version;
  if (ports_.size() < tables.ports.size()) ports_.resize(tables.ports.size());
  for (uint32_t i = 0; i < ports_.size(); ++i) {
    const bool is_row = i < tables.ports.size() && !tables.ports[i].is_vacant;
    const std::shared_ptr<const UniqueFd> tap = is_row ? tables.ports[i].tap : nullptr;
    if (ports_[i].tap == tap) continue;
    if (ports_[i].tap != nullptr && !ports_[i].is_dead) {
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, ports_[i].tap->get(), nullptr);
    }
    ports_[i] = {tap, false};
    if (tap != nullptr) watch_port(i, tables.ports[i]);
  }
}

void Worker::watch_port(uint32_t index, const PortEntry& port) {
  const int fd = port.tap->get();
  const auto prepared = io::prepare_tap(fd);
  if (!prepared) spdlog::error("port {}: {}", port.id.value(), prepared.error().text());
  if (prepared) pipeline_.set_uso(PortIndex(index), prepared->has_uso);
  if (!prepared || !watch(fd, Source::kPort, index)) port_died(port);
}

void Worker::watch_charon() {
  if (sockets_.relay.charon() == watched_charon_) return;
  watched_charon_ =
      sockets_.relay.charon();  // the one before left the epoll set when it was closed
  if (watched_charon_ >= 0) watch(watched_charon_, Source::kCharon);
}

void Worker::serve(Source source, uint32_t index, const Tables& tables) {
  switch (source) {
    case Source::kWakeup: {
      uint64_t pending;
      [[maybe_unused]] const ssize_t got = ::read(shared_.wakeup.get(), &pending, sizeof pending);
      return;
    }
    case Source::kFlowRequest:  // withdrawn or not: its descriptor must not stay readable
      return shared_.flow_request.serve(pipeline_.flows(), pipeline_.now());
    case Source::kIke:
      return pipeline_.from_underlay(sockets_.ike.receive(pool_));
    case Source::kNat:
      return pipeline_.from_underlay(sockets_.nat.receive(pool_));
    case Source::kNative:
      return pipeline_.from_underlay(sockets_.native.receive(pool_));
    case Source::kQuotes:
      return pipeline_.from_quotes(sockets_.quotes.receive());
    case Source::kRoutes:
      sockets_.route_mtu.take_changes();
      return pipeline_.routes_changed();
    case Source::kRelayListener:
      sockets_.relay.accept();
      watched_charon_ = -1;
      return watch_charon();
    case Source::kCharon:
      return read_charon();
    case Source::kPort:
      // Reading says whether the device is dead; the event may be about the one before.
      if (index < tables.ports.size() && !ports_[index].is_dead) read_port(index, tables);
  }
}

// A burst is read before it is forwarded. What waits to be sealed holds buffers: it goes before
// there are none.
void Worker::read_port(uint32_t index, const Tables& tables) {
  const PortEntry& port = tables.ports[index];
  if (port.tap == nullptr) return;
  std::array<Pipeline::PortFrame, kFramesPerTurn> burst;
  uint32_t count = 0;
  auto verdict = io::ReadVerdict::kFrame;
  while (count < kFramesPerTurn) {
    if (!landing_.prepare(pool_)) {
      pipeline_.flush();
      landing_.prepare(pool_);
    }
    io::VirtioBytes virtio;
    verdict = io::read_tap(port.tap->get(), virtio, landing_, burst[count].landed);
    if (verdict != io::ReadVerdict::kFrame) break;
    burst[count++].virtio = virtio_header_from(virtio);
  }
  pipeline_.from_port(PortIndex(index), {burst.data(), count});
  if (verdict == io::ReadVerdict::kDead) port_died(port);
}

void Worker::read_charon() {
  for (uint32_t i = 0; i < kDatagramsPerTurn; ++i) {
    const auto datagram = sockets_.relay.next();
    if (!datagram) break;
    if (!datagram->is_refused) sockets_.gate.sent(*datagram, IkeGate::Instant(pipeline_.now()));
    pipeline_.from_ike(*datagram);
  }
  watch_charon();
}

io::WriteVerdict Worker::write_port(const PortEntry& port, std::span<const iovec> frame) {
  return io::write_tap(port.tap->get(), frame);
}

void Worker::send(std::span<const io::Train> trains, std::span<io::SendVerdict> verdicts) {
  // Neighbours of one socket go in one call.
  for (size_t first = 0; first < trains.size();) {
    const uint16_t port = trains[first].source.port;
    size_t end = first + 1;
    while (end < trains.size() && trains[end].source.port == port &&
           end - first < io::UdpUnderlay::kSendTrains)
      ++end;
    const auto some = trains.subspan(first, end - first);
    const auto theirs = verdicts.subspan(first, end - first);
    if (port == kNatPort) {
      sockets_.nat.send(some, theirs);
    } else if (port == kIkePort) {
      sockets_.ike.send(some, theirs);
    } else {
      sockets_.native.send(some, theirs);
    }
    first = end;
  }
}

std::optional<DropReason> Worker::to_ike(const IkeDatagram& datagram) {
  // Who a tunnel is declared for is no stranger, even before it has an SA.
  const bool is_peer =
      sad_->is_peer(datagram.source.address) || tables_->is_declared_peer(datagram.source.address);
  if (const auto refused =
          sockets_.gate.judge(datagram, is_peer, IkeGate::Instant(pipeline_.now())))
    return refused;
  const auto refused = sockets_.relay.deliver(datagram, is_peer);
  watch_charon();
  return refused;
}

std::optional<uint32_t> Worker::route_mtu(uint32_t remote) { return sockets_.route_mtu.to(remote); }

// The agent's thread takes the descriptor out of the tables; until then the port is only left
// alone. A full ring leaves it watched, so that epoll says so again.
void Worker::port_died(const PortEntry& port) {
  for (WatchedPort& watched : ports_) {
    if (watched.tap != port.tap || watched.is_dead) continue;
    if (!shared_.dead_ports.push({port.id, port.tap.get()})) return;
    watched.is_dead = true;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, port.tap->get(), nullptr);
  }
}

}  // namespace farspan::dataplane
