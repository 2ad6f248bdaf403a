// SPDX-License-Identifier: Apache-2.0
// Worker: one thread that waits for descriptors, and runs everything that is ready through the
// pipeline.
//
//   epoll ▸ one clock read, one snapshot of tables and SAs ▸
//           every ready descriptor its fair share ▸ send ▸ again
//
// It is the pipeline's Outside: the TAP devices, the underlay's sockets and ike.sock belong to it.
// Idle it sleeps; once a second it wakes to age flows. A descriptor that has more than its share is
// still ready the next time.
//
// Not here: what happens to a packet (pipeline/). Threads: create() anywhere, run() on the worker's
// thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "farspan/dataplane/ike_gate.h"
#include "farspan/dataplane/ike_relay.h"
#include "farspan/dataplane/pipeline/pipeline.h"
#include "farspan/dataplane/shared_state.h"
#include "farspan/io/icmp_quotes.h"
#include "farspan/io/raw_esp.h"
#include "farspan/io/route_mtu.h"
#include "farspan/io/udp_underlay.h"

namespace farspan::dataplane {

class Worker final : private Outside {
 public:
  /// Opens the underlay's sockets of this network namespace and ike.sock in `run_dir`.
  /// @param sas  where this worker finds its SAs
  static Result<std::unique_ptr<Worker>> create(SharedState& shared, ipsec::SadView::Reader sas,
                                                const std::string& run_dir,
                                                const PipelineLimits& limits);
  ~Worker() override;

  /// Forwards packets until shared.is_stopping.
  void run();

 private:
  struct Sockets {
    io::UdpUnderlay ike, nat;  // UDP 500 and 4500
    io::RawEsp native;
    io::IcmpQuotes quotes;
    io::RouteMtu route_mtu;
    IkeRelay relay;
    IkeGate gate;
  };
  struct WatchedPort {
    std::shared_ptr<const UniqueFd> tap;  // held as long as it is in the epoll set
    bool is_dead = false;
  };
  enum class Source : uint32_t {
    kWakeup,
    kFlowRequest,
    kIke,
    kNat,
    kNative,
    kQuotes,
    kRoutes,
    kRelayListener,
    kCharon,
    kPort
  };

  Worker(SharedState& shared, ipsec::SadView::Reader sas, Sockets sockets,
         std::unique_ptr<ipsec::EspWorker> esp, UniqueFd epoll, const PipelineLimits& limits);
  static bool put_event(void* shared, const ipsec::SaEvent& event);

  bool watch(int fd, Source source, uint32_t index = 0);
  void watch_ports(const Tables& tables);
  void watch_port(uint32_t index, const PortEntry& port);
  void watch_charon();
  void serve(Source source, uint32_t index, const Tables& tables);
  void read_port(uint32_t index, const Tables& tables);
  void read_charon();

  // Outside
  io::WriteVerdict write_port(const PortEntry& port, std::span<const iovec> frame) override;
  void send(std::span<const io::Train> trains, std::span<io::SendVerdict> verdicts) override;
  std::optional<DropReason> to_ike(const IkeDatagram& datagram) override;
  std::optional<uint32_t> route_mtu(uint32_t remote) override;
  void port_died(const PortEntry& port) override;

  SharedState& shared_;
  Published<Tables>::Reader tables_reader_;
  ipsec::SadView::Reader sad_reader_;
  const Tables* tables_ = nullptr;  // these two: of this batch
  const ipsec::SadView* sad_ = nullptr;
  io::BufferPool pool_{io::BufferPool::Limits{}};  // outlives all that holds buffers
  io::Landing landing_;                            // of the next frame of a port
  Sockets sockets_;
  std::unique_ptr<ipsec::EspWorker> esp_;
  Pipeline pipeline_;
  UniqueFd epoll_;
  TablesVersion watched_version_;
  std::vector<WatchedPort> ports_;  // by PortIndex
  int watched_charon_ = -1;
};

}  // namespace farspan::dataplane
