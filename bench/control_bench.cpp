// SPDX-License-Identifier: Apache-2.0
// What a large change of the tables costs those who have nothing to do with it: the real loops and
// sockets, an agent that programs 1,000,000 routes, a charon that asks all the time, and a reader
// that looks routes up batch by batch as a worker does.
//
//   control_bench [ROUTES]
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "farspan/base/check.h"
#include "farspan/dataplane/agent_loop.h"
#include "farspan/dataplane/charon_loop.h"
#include "farspan/ike/protocol.h"
#include "farspan/net/address.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {
namespace {

using Clock = std::chrono::steady_clock;
using Micros = std::chrono::duration<double, std::micro>;

// How long the turns of one thread took.
class Turns {
 public:
  void add(Clock::duration turn) { micros_.push_back(Micros(turn).count()); }
  void print(const char* what) {
    std::ranges::sort(micros_);
    if (micros_.empty()) return fmt::print("{:44} none\n", what);
    fmt::print("{:44} {:9} {:10.1f} {:10.1f} {:10.1f}\n", what, micros_.size(),
               micros_[micros_.size() / 2], micros_[micros_.size() * 999 / 1000], micros_.back());
  }

 private:
  std::vector<double> micros_;
};

class Agent {
 public:
  explicit Agent(const std::string& path) : socket_(std::move(*MessageSocket::connect(path))) {}
  void program(const v1::TablesRequest& request) {
    FS_CHECK(socket_.send(request.SerializeAsString()).ok());
    const auto answer = socket_.receive();
    v1::TablesReply reply;
    FS_CHECK(answer.ok() && reply.ParseFromString(answer->bytes) && reply.error().empty());
  }

 private:
  MessageSocket socket_;
};

// Says hello, and then asks for SAs that are not there: a request and an answer each.
class Charon {
 public:
  explicit Charon(const std::string& path) : fd_(*connect_unix(path, SOCK_SEQPACKET)) {
    ask(FS_SAD_HELLO, fs_sad_hello{FS_SAD_VERSION, 1});
  }
  void ask_for_nothing() { ask(FS_SAD_QUERY_SA, fs_sad_id{}); }

 private:
  template <class Body>
  void ask(fs_sad_type type, const Body& body) {
    std::string message(sizeof(fs_sad_header) + sizeof body, '\0');
    const fs_sad_header header{static_cast<uint16_t>(type), static_cast<uint16_t>(message.size()),
                               1};
    std::memcpy(message.data(), &header, sizeof header);
    std::memcpy(message.data() + sizeof header, &body, sizeof body);
    FS_CHECK(::send(fd_.get(), message.data(), message.size(), MSG_NOSIGNAL) > 0);
    std::array<char, FS_SAD_MAX_MESSAGE> answer;
    FS_CHECK(::recv(fd_.get(), answer.data(), answer.size(), 0) > 0);
  }
  UniqueFd fd_;
};

v1::TablesRequest snapshot(size_t routes) {
  v1::TablesRequest request;
  v1::TablesBatch& batch = *request.mutable_batch();
  batch.set_is_snapshot(true);
  batch.set_generation(1);
  v1::Vrf* vrf = batch.add_vrfs();
  vrf->set_id(1);
  vrf->set_router("0.0.0.0");
  vrf->set_label(17);
  for (uint32_t id = 1; id <= 1000; ++id) {
    v1::TunnelRow* tunnel = batch.add_tunnels();
    tunnel->set_id(id);
    tunnel->set_vrf(1);
  }
  // /24 by /24, no two neighbours to one tunnel: nothing can be summed up.
  for (size_t i = 0; i < routes; ++i) {
    v1::Route* row = batch.add_routes();
    row->mutable_key()->set_vrf(1);
    const net::Address address = net::Address::v4(0x01000000 + static_cast<uint32_t>(i << 8));
    row->mutable_key()->set_destination(net::Prefix::covering(address, 24).text());
    row->mutable_next_hop()->mutable_tunnel()->set_tunnel(static_cast<uint32_t>(1 + i % 1000));
  }
  return request;
}

void run(size_t routes) {
  std::string directory = "/tmp/farspan_control_bench_XXXXXX";
  FS_CHECK(::mkdtemp(directory.data()) != nullptr);
  auto context = *crypto::Context::create();
  auto arena = *ipsec::SequenceArena::open(directory + "/sequences", 4096);
  ipsec::Sad sad(*arena, *context);
  TableBuilder builder;
  SharedState shared(builder.first());
  auto charon_loop = *CharonLoop::create(shared, sad, directory);
  auto agent_loop = *AgentLoop::create(
      shared, builder, [&] { return charon_loop->sa_rows(); }, directory);
  auto reader = shared.tables.reader();
  std::thread charons([&] { charon_loop->run(); });
  std::thread agents([&] { agent_loop->run(); });

  Agent agent(directory + "/tables.sock");
  Charon charon(directory + "/sad.sock");
  std::atomic<bool> is_done{false};
  Turns asked, looked_up;
  std::thread asking([&] {
    while (!is_done) {
      const auto began = Clock::now();
      charon.ask_for_nothing();
      asked.add(Clock::now() - began);
      std::this_thread::yield();
    }
  });
  std::thread looking([&] {
    std::mt19937 random(1);
    uint64_t found = 0;
    while (!is_done) {
      const auto began = Clock::now();
      const Tables& tables = reader.acquire();
      for (int i = 0; i < 64; ++i)
        found += tables.fib.lookup(VrfIndex(0), TableKind::kVpc, 0, static_cast<uint32_t>(random()))
                     .index;
      reader.quiesce();
      looked_up.add(Clock::now() - began);
      std::this_thread::yield();
    }
    if (found == 1) fmt::print(" ");  // so that it is computed
  });

  const v1::TablesRequest all = snapshot(routes);
  const auto began = Clock::now();
  agent.program(all);
  const Clock::duration whole = Clock::now() - began;
  is_done = true;
  asking.join();
  looking.join();

  Turns one_route;
  v1::TablesRequest change;
  *change.mutable_batch()->add_routes() = all.batch().routes(static_cast<int>(routes / 2));
  auto& hop = *change.mutable_batch()->mutable_routes(0)->mutable_next_hop()->mutable_tunnel();
  for (uint32_t i = 0; i < 1000; ++i) {
    hop.set_tunnel(1 + i % 2);
    const auto start = Clock::now();
    agent.program(change);
    one_route.add(Clock::now() - start);
  }

  fmt::print("a snapshot of {} routes took {:.2f} s; in microseconds\n", routes,
             Micros(whole).count() / 1e6);
  fmt::print("{:44} {:>9} {:>10} {:>10} {:>10}\n", "", "turns", "median", "99.9 %", "longest");
  asked.print("charon's requests meanwhile");
  looked_up.print("batches of 64 lookups meanwhile");
  one_route.print("then one route more, over the socket");

  agent_loop->stop();
  charon_loop->stop();
  charons.join();
  agents.join();
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace farspan::dataplane

int main(int argc, char** argv) {
  farspan::dataplane::run(argc > 1 ? static_cast<size_t>(std::atoll(argv[1])) : 1'000'000);
  return 0;
}
