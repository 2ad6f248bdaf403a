// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/flow_request.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <set>
#include <thread>

namespace farspan::dataplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool is_readable(int fd, int timeout_milliseconds = 0) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, timeout_milliseconds) == 1;
}

// Eight of ten flows are a port's, one of a hundred a link's, the rest an office's.
FlowOwner owner_of(uint32_t i, uint32_t flows) {
  if (i < flows / 10 * 8) return FlowOwner::of(PortId(7));
  if (i < flows / 100 * 99) return FlowOwner::of(TunnelId(9));
  return FlowOwner::behind(TunnelId(5), VrfId(3), 1);
}

// A worker with `flows` flows that answers requests until it is destroyed.
class FlowWorker {
 public:
  FlowWorker(FlowRequest& request, uint32_t flows)
      : table_(flows), thread_([this, &request, flows] {
          for (uint32_t i = 0; i < flows; ++i) {
            table_.create({FlowDomain(1), i, ~i, 1, 2, 17}, seconds(1), owner_of(i, flows));
          }
          while (!is_over_) {
            if (is_readable(request.wakeup_fd(), 1) || request.is_waiting())
              request.serve(table_, seconds(4));
          }
        }) {}
  ~FlowWorker() {
    is_over_ = true;
    thread_.join();
  }

 private:
  FlowTable table_;
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

}  // namespace

TEST(FlowRequest, CopiesTheFlowsOfARunningWorker) {
  FlowRequest request;
  FlowWorker worker(request, 10'000);
  for (int i = 0; i < 3; ++i) {
    const Result<FlowsCopy> copy = request.request(FlowRequest::kMaxFlows, seconds(30));
    ASSERT_TRUE(copy.ok());
    EXPECT_EQ(copy->total, 10'000u);
    EXPECT_EQ(copy->now, seconds(4));
    std::set<FlowKey> keys;
    for (const Flow& flow : copy->flows) keys.insert(flow.key());
    EXPECT_EQ(keys.size(), 10'000u);
  }
}

TEST(FlowRequest, CopiesNoMoreThanItsLimit) {
  FlowRequest request;
  FlowWorker worker(request, 10'000);
  const Result<FlowsCopy> copy = request.request(7, seconds(30));
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(copy->flows.size(), 7u);
  EXPECT_EQ(copy->total, 10'000u);
}

TEST(FlowRequest, NamesWhoHoldsMostWithoutCopyingFlows) {
  FlowRequest request;
  FlowWorker worker(request, 10'000);
  for (int i = 0; i < 3; ++i) {
    const Result<FlowSharesCopy> copy = request.request_shares(2, seconds(30));
    ASSERT_TRUE(copy.ok());
    EXPECT_EQ(copy->flows, 10'000u);
    EXPECT_EQ(copy->capacity, 10'000u);
    EXPECT_EQ(copy->shares, 3u);
    ASSERT_EQ(copy->top.size(), 2u);
    EXPECT_EQ(copy->top[0].owner, FlowOwner::of(PortId(7)));
    EXPECT_EQ(copy->top[0].flows, 8'000u);
    EXPECT_EQ(copy->top[1].owner, FlowOwner::of(TunnelId(9)));
    EXPECT_EQ(copy->top[1].flows, 1'900u);
    EXPECT_TRUE(request.request(7, seconds(30)).ok()) << "either kind may follow the other";
  }
}

TEST(FlowRequest, IsWithdrawnWhenNobodyAnswers) {
  FlowRequest request;
  const Result<FlowsCopy> copy = request.request(7, milliseconds(1));
  ASSERT_FALSE(copy.ok());
  EXPECT_EQ(copy.error().text(), "flows: the worker does not answer; try again");
  EXPECT_FALSE(request.is_waiting());
  EXPECT_TRUE(is_readable(request.wakeup_fd()));
  request.serve(FlowTable(1), seconds(1));
  EXPECT_FALSE(is_readable(request.wakeup_fd())) << "or the worker would never sleep again";
  FlowWorker worker(request, 10);
  EXPECT_TRUE(request.request(7, seconds(30)).ok());
}

}  // namespace farspan::dataplane
