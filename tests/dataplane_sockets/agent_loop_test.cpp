// SPDX-License-Identifier: Apache-2.0
// Both threads that talk, their real sockets, and a client at each.
#include "farspan/dataplane/agent_loop.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "farspan/dataplane/charon_loop.h"
#include "farspan/dataplane/ipsec/test_sas.h"
#include "farspan/dataplane/test_charon.h"
#include "farspan/net/address.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {
namespace {

class AgentLoopTest : public testing::Test {
 protected:
  AgentLoopTest() {
    auto charon = CharonLoop::create(shared_, sad_, directory_);
    FS_CHECK(charon.ok());
    charon_loop_ = std::move(*charon);
    auto agent = AgentLoop::create(
        shared_, builder_, [this] { return charon_loop_->sa_rows(); }, directory_);
    FS_CHECK(agent.ok());
    agent_loop_ = std::move(*agent);
    charon_thread_ = std::thread([this] { charon_loop_->run(); });
    agent_thread_ = std::thread([this] { agent_loop_->run(); });
    agent_ = std::make_unique<MessageSocket>(
        std::move(*MessageSocket::connect(directory_ + "/tables.sock")));
  }
  ~AgentLoopTest() override {
    charon_loop_->stop();
    agent_loop_->stop();
    charon_thread_.join();
    agent_thread_.join();
    agent_loop_.reset();
    charon_loop_.reset();
    std::filesystem::remove_all(directory_);
  }

  static std::string make_directory() {
    std::string path = "/tmp/farspan_agent_XXXXXX";
    FS_CHECK(::mkdtemp(path.data()) != nullptr);
    return path;
  }

  v1::TablesReply ask(const v1::TablesRequest& request, const std::vector<int>& fds = {}) {
    v1::TablesReply reply;
    EXPECT_TRUE(agent_->send(request.SerializeAsString(), fds).ok());
    auto answer = agent_->receive();
    EXPECT_TRUE(answer.ok() && reply.ParseFromString(answer->bytes));
    EXPECT_EQ(reply.error(), "");
    return reply;
  }

  static v1::TablesRequest snapshot(uint32_t routes) {
    v1::TablesRequest request;
    v1::TablesBatch& batch = *request.mutable_batch();
    batch.set_is_snapshot(true);
    batch.set_generation(1);
    auto* vrf = batch.add_vrfs();
    vrf->set_id(1);
    vrf->set_router("0.0.0.0");
    vrf->set_label(17);
    for (uint32_t i = 0; i < routes; ++i) {
      v1::Route* route = batch.add_routes();
      route->mutable_key()->set_vrf(1);
      const net::Address address = net::Address::v4(0x0A000000 + i * 256);
      route->mutable_key()->set_destination(net::Prefix::covering(address, 24).text());
      route->mutable_next_hop()->mutable_unreachable();
    }
    return request;
  }

  std::string directory_ = make_directory();
  std::unique_ptr<crypto::Context> context_ = *crypto::Context::create();
  std::unique_ptr<ipsec::SequenceArena> arena_ =
      *ipsec::SequenceArena::open(directory_ + "/sequences", 4096);
  ipsec::Sad sad_{*arena_, *context_};
  TableBuilder builder_;
  SharedState shared_{builder_.first()};
  std::unique_ptr<CharonLoop> charon_loop_;
  std::unique_ptr<AgentLoop> agent_loop_;
  std::thread charon_thread_, agent_thread_;
  std::unique_ptr<MessageSocket> agent_;
};

// Were both one thread, charon would have one answer, or two.
TEST_F(AgentLoopTest, CharonIsAnsweredWhileASnapshotIsMade) {
  ipsec::Charon charon(directory_ + "/sad.sock");
  ASSERT_EQ(charon.hello(), FS_SAD_OK);
  ASSERT_EQ(charon.synced(), FS_SAD_OK);
  const v1::TablesRequest request = snapshot(20'000);
  std::atomic<bool> is_answered{false};
  std::thread agent([&] {
    ask(request);
    is_answered = true;
  });
  int answers = 0;
  while (!is_answered) {
    ASSERT_EQ(charon.add(ipsec::gcm_sa(true, 0xc0000001)), FS_SAD_OK);
    ASSERT_EQ(charon.ask(ipsec::request(FS_SAD_DELETE_SA, ipsec::gcm_sa(true, 0xc0000001).id)),
              FS_SAD_OK);
    answers += 2;
  }
  agent.join();
  EXPECT_GT(answers, 100);
}

TEST_F(AgentLoopTest, AsksCharonsThreadForSas) {
  ipsec::Charon charon(directory_ + "/sad.sock");
  ASSERT_EQ(charon.hello(), FS_SAD_OK);
  ASSERT_EQ(charon.synced(), FS_SAD_OK);
  ASSERT_EQ(charon.add(ipsec::gcm_sa(true, 0xc0000001)), FS_SAD_OK);
  v1::TablesRequest request;
  request.mutable_get_sas();
  const v1::Sas sas = ask(request).sas();
  ASSERT_EQ(sas.sas_size(), 1);
  EXPECT_EQ(sas.sas(0).spi(), 0xc0000001);
}

TEST_F(AgentLoopTest, APortWhoseDeviceDiedIsNotLive) {
  v1::TablesRequest request = snapshot(1);
  auto* port = request.mutable_batch()->add_ports();
  port->set_id(7);
  port->set_vrf(1);
  port->set_address("10.1.0.5");
  port->set_gateway("10.1.0.1");
  port->set_subnet("10.1.0.0/24");
  port->set_mac(std::string("\x02\xf5\x00\x00\x00\x07", 6));
  port->set_has_fd(true);
  const UniqueFd device(::eventfd(0, EFD_CLOEXEC));
  ask(request, {device.get()});
  v1::TablesRequest get_tables;
  get_tables.mutable_get_tables();
  ASSERT_EQ(ask(get_tables).tables().ports_size(), 1);
  auto reader = shared_.tables.reader();
  const UniqueFd* tap = reader.acquire().ports[0].tap.get();
  reader.quiesce();
  ASSERT_TRUE(shared_.dead_ports.push({PortId(7), tap}));
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(ipsec::kPatienceMs);
  while (ask(get_tables).tables().ports_size() != 0)
    ASSERT_LT(std::chrono::steady_clock::now(), end);
}

}  // namespace
}  // namespace farspan::dataplane
