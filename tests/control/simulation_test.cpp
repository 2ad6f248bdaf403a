// SPDX-License-Identifier: Apache-2.0
// Fifty offices in five regions under random changes. After every change each node, prompt or slow,
// with sessions that get lost and a controller that restarts, holds what a fresh compile says.
//
//   documents ─▶ Controller ─▶ NodeFeed ─▶ wire bytes ─▶ apply ─▶ the node's state
//                     └──────▶ diff of every publication, merged while the node is away ─▶ mirror
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

#include "farspan/controller/node_feed.h"
#include "farspan/controller/test_network.h"
#include "farspan/model/any_resource.h"
#include "farspan/nodestate/delta.h"
#include "farspan/nodestate/wire/wire.h"
#include "tests/control/network_text.h"

namespace farspan::control {
namespace {

using controller::Controller;
using controller::Mode;
using controller::NodeFeed;
using nodestate::Delta;
using nodestate::NodeState;

Delta through_the_wire(const Delta& delta) {
  auto read = nodestate::wire::parse(nodestate::wire::serialize(delta));
  EXPECT_TRUE(read.ok()) << read.error().text();
  return *std::move(read);
}

// What the session of a node would be told; of one that is not declared, to be empty.
std::shared_ptr<const NodeState> wanted_of(const controller::Published& now,
                                           const std::string& node) {
  const auto declared = now.states.find(node);
  if (declared != now.states.end()) return declared->second;
  NodeState nothing;
  nothing.node = node;
  nothing.generation = now.revision;
  return std::make_shared<const NodeState>(std::move(nothing));
}

class SimulatedNode {
 public:
  explicit SimulatedNode(std::string name) { state_.node = mirror_.node = std::move(name); }

  const NodeState& state() const { return state_; }

  /// Something was published: it is sent unless a delta is under way, and not applied yet.
  void hear(const controller::Published& now) {
    if (const auto delta = feed_.next(wanted_of(now, state_.node)))
      under_way_.push_back(nodestate::wire::serialize(*delta));
    EXPECT_LE(under_way_.size(), 1u) << "one delta at a time";
  }
  /// Applies what is under way and says so, until there is nothing new.
  void catch_up(const controller::Published& now) {
    for (hear(now); !under_way_.empty(); hear(now)) {
      const auto delta = nodestate::wire::parse(under_way_.front());
      under_way_.pop_front();
      ASSERT_TRUE(delta.ok()) << delta.error().text();
      auto next = nodestate::apply(state_, *delta);
      ASSERT_TRUE(next.ok()) << next.error().text();
      state_ = *std::move(next);
      feed_.acknowledge(state_.generation);
    }
  }
  /// The session ends; what was under way is lost, and the next one says what is on disk.
  void lose_session() {
    under_way_.clear();
    feed_ = NodeFeed(state_.generation);
  }

  // The other way a node may fall behind: it is told every step, and applies several as one.
  void note_step(const NodeState& from, const NodeState& to) {
    if (from.generation == to.generation) return;
    const Delta step = through_the_wire(nodestate::diff(from, to));
    waiting_ = waiting_ ? nodestate::merge(*waiting_, step) : step;
  }
  const NodeState& apply_merged() {
    if (waiting_) mirror_ = nodestate::apply(mirror_, through_the_wire(*waiting_)).value();
    waiting_.reset();
    return mirror_;
  }

 private:
  NodeState state_, mirror_;
  NodeFeed feed_{0};
  std::deque<std::string> under_way_;
  std::optional<Delta> waiting_;
};

class Simulation : public testing::TestWithParam<unsigned> {
 protected:
  Simulation() : random_(GetParam()) {
    for (int region = 0; region < kRegions; ++region)
      for (const char which : {'a', 'b'}) nodes_.emplace_back(node_name(region, which));
    for (int office = 0; office < kOffices; ++office) {
      offices_.insert(office);
      publications_.insert(office);
    }
    for (int region = 0; region < kRegions; ++region) {
      attached_.insert(region);
      second_nodes_.insert(region);
    }
    apply(whole_network());
  }

  int upto(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }
  bool once_in(int count) { return upto(count) == 0; }

  // ---- changes, each one transaction; a plan before it says what it will do ----

  void apply(const std::string& text) {
    const auto plan = controller_->apply(text, Mode::kPlan);
    committed(plan, [&] { return controller_->apply(text, Mode::kCommit); });
  }
  void remove(const std::vector<store::Key>& keys) {
    const auto plan = controller_->remove(keys, Mode::kPlan);
    committed(plan, [&] { return controller_->remove(keys, Mode::kCommit); });
  }
  template <class Commit>
  void committed(const controller::Admission& plan, const Commit& commit) {
    const auto before = controller_->published();
    ASSERT_TRUE(plan.ok()) << plan.errors.front().text();
    const auto done = commit();
    ASSERT_TRUE(done.ok()) << done.errors.front().text();
    EXPECT_EQ(plan.outcome.revision, before->revision) << "a plan changes nothing";
    EXPECT_EQ(plan.outcome.changes, done.outcome.changes);
    EXPECT_EQ(plan.outcome.nodes, done.outcome.nodes);
    const auto now = controller_->published();
    for (SimulatedNode& node : nodes_)
      node.note_step(*wanted_of(*before, node.state().node), *wanted_of(*now, node.state().node));
    check_numbers();
  }

  void change_something() {
    switch (upto(7)) {
      case 0:
        return toggle_office(upto(kOffices));
      case 1:
        return toggle_publication(upto(kOffices));
      case 2:
        return change_key(upto(kOffices));
      case 3:
        return toggle_attachment(upto(kRegions));
      case 4:
        return toggle_second_node(upto(kRegions));
      case 5:
        return apply(group_text(upto(kRegions), once_in(2) ? "" : rule()));
      default:
        return several_offices();
    }
  }
  std::string rule() {
    return "{protocol: tcp, ports: " + std::to_string(1 + upto(65535)) + ", peer_cidr: 10." +
           std::to_string(upto(kRegions)) + ".0.0/16}";
  }
  void toggle_office(int office) {
    const std::string name = office_name(office);
    if (offices_.erase(office) == 0) {
      offices_.insert(office);
      return apply(office_text(office, "psk-again-" + name));
    }
    std::vector<store::Key> keys = {
        {"VpnRoute", name}, {"IpsecConnection", name}, {"CustomerGateway", name}};
    if (publications_.erase(office) == 1) keys.push_back({"CenRoute", name});
    remove(keys);
  }
  void toggle_publication(int office) {
    if (publications_.erase(office) == 1) return remove({{"CenRoute", office_name(office)}});
    if (!offices_.contains(office) || !attached_.contains(region_of(office))) return;
    publications_.insert(office);
    apply(publication_text(office));
  }
  void change_key(int office) {
    if (offices_.contains(office)) apply(office_text(office, "psk-" + std::to_string(random_())));
  }
  void toggle_attachment(int region) {
    if (attached_.erase(region) == 0) {
      attached_.insert(region);
      return apply(attachment_text(region));
    }
    std::vector<store::Key> keys = {{"CenAttachment", region_name(region)}};
    std::erase_if(publications_, [&](int office) {
      if (region_of(office) != region) return false;
      keys.push_back({"CenRoute", office_name(office)});
      return true;
    });
    remove(keys);
  }
  void toggle_second_node(int region) {
    if (second_nodes_.erase(region) == 0) {
      second_nodes_.insert(region);
      return apply(node_text(region, 'b') + instance_text(region, 'b'));
    }
    remove({{"Instance", "app-" + std::to_string(region) + "b"}, {"Node", node_name(region, 'b')}});
  }
  void several_offices() {
    std::string text;
    for (int office = upto(10); office < kOffices; office += 10) {
      offices_.insert(office);
      text += office_text(office, "psk-shared-" + std::to_string(upto(1000)));
    }
    apply(text);
  }

  void restart_controller() {
    const auto before = controller_->published();
    controller_.reset();
    controller_ = controller::open_controller(directory_);
    EXPECT_EQ(controller_->published()->revision, before->revision);
    EXPECT_EQ(controller_->published()->model, before->model);
    for (const auto& [node, state] : before->states)
      EXPECT_EQ(*controller_->published()->states.at(node), *state);
    for (SimulatedNode& node : nodes_) node.lose_session();
  }

  // ---- what must hold ----

  // A number is given once, whatever was deleted since.
  void check_numbers() {
    uint32_t highest = highest_number_;
    for (const auto& resource : model::list(controller_->published()->model)) {
      const uint32_t number = model::meta_of(resource).number;
      const std::string label = model::label_of(resource);
      const auto known = number_of_.find(label);
      if (known == number_of_.end() || known->second != number) {
        EXPECT_GT(number, highest_number_) << label;
      }
      number_of_[label] = number;
      highest = std::max(highest, number);
    }
    highest_number_ = highest;
  }
  void check_node(SimulatedNode& node) {
    const auto now = controller_->published();
    auto fresh = compiler::compile(now->model);
    const auto compiled = fresh.find(node.state().node);
    NodeState expected =
        compiled == fresh.end() ? *wanted_of(*now, node.state().node) : std::move(compiled->second);
    // Of a node that is not declared the generation only has to move when it is declared again.
    expected.generation = compiled == fresh.end() ? node.state().generation
                                                  : now->states.at(expected.node)->generation;
    EXPECT_EQ(node.state(), expected) << expected.node;
    NodeState mirror = node.apply_merged();
    mirror.generation = expected.generation;
    EXPECT_EQ(mirror, expected) << expected.node << ", by merged deltas";
  }

  std::mt19937 random_;
  controller::StateDirectory directory_;
  std::unique_ptr<Controller> controller_ = controller::open_controller(directory_);
  std::deque<SimulatedNode> nodes_;
  std::set<int> offices_, publications_, attached_, second_nodes_;
  std::map<std::string, uint32_t> number_of_;
  uint32_t highest_number_ = 0;
};

TEST_P(Simulation, EveryNodeEqualsAFreshCompile) {
  for (int step = 0; step < 120 && !HasFailure(); ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    change_something();
    if (once_in(30)) restart_controller();
    const auto now = controller_->published();
    for (SimulatedNode& node : nodes_) {
      if (once_in(12)) node.lose_session();
      node.hear(*now);
      if (once_in(3)) continue;  // slow
      node.catch_up(*now);
      check_node(node);
    }
  }
  for (SimulatedNode& node : nodes_) {
    node.catch_up(*controller_->published());
    check_node(node);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Simulation, testing::Values(1u, 2u, 3u, 4u));

}  // namespace
}  // namespace farspan::control
