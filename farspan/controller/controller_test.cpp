// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/controller.h"

#include <gmock/gmock.h>

#include <functional>
#include <set>

#include "farspan/controller/test_network.h"

namespace farspan::controller {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using Action = ResourceChange::Action;

std::string psk_of(const Controller& controller, const std::string& connection) {
  return controller.published()->model.find<model::IpsecConnection>(connection)->ike.psk;
}

uint64_t generation_of(const Controller& controller, const std::string& node) {
  return controller.published()->states.at(node)->generation;
}

class ControllerTest : public testing::Test {
 protected:
  Outcome apply(std::string_view text, Mode mode = Mode::kCommit) {
    const Admission admission = controller_->apply(text, mode);
    EXPECT_TRUE(admission.ok()) << (admission.ok() ? "" : admission.errors.front().text());
    return admission.outcome;
  }
  void reopen() {
    controller_.reset();
    controller_ = open_controller(directory_);
  }

  StateDirectory directory_;
  std::unique_ptr<Controller> controller_ = open_controller(directory_);
};

TEST_F(ControllerTest, ApplyCreatesCompilesAndPublishes) {
  const Outcome outcome = apply(kUsEast);
  EXPECT_EQ(outcome.revision, 1u);
  EXPECT_THAT(outcome.changes, SizeIs(9));
  EXPECT_EQ(outcome.changes.front(), (ResourceChange{Action::kCreate, "Region", "us-east", {}}));
  ASSERT_THAT(outcome.nodes, SizeIs(1));
  EXPECT_GT(outcome.nodes[0].added, 5u);
  const auto state = controller_->published()->states.at("us-east-node");
  EXPECT_EQ(state->generation, 1u);
  EXPECT_THAT(state->ports, SizeIs(1));
  EXPECT_THAT(state->tunnels, SizeIs(1));
}

TEST_F(ControllerTest, PlanSaysTheSameAndDoesNothing) {
  const Outcome plan = apply(kUsEast, Mode::kPlan);
  EXPECT_EQ(plan.revision, 0u);
  EXPECT_TRUE(controller_->published()->states.empty());
  const Outcome outcome = apply(kUsEast);
  EXPECT_EQ(plan.changes, outcome.changes);
  EXPECT_EQ(plan.nodes, outcome.nodes);
}

TEST_F(ControllerTest, ApplyingTwiceChangesNothing) {
  apply(kUsEast);
  const Outcome again = apply(kUsEast);
  EXPECT_EQ(again.revision, 1u);
  for (const auto& change : again.changes) EXPECT_EQ(change.action, Action::kUnchanged);
  EXPECT_TRUE(again.nodes.empty());
}

TEST_F(ControllerTest, OneBadDocumentKeepsAllOut) {
  const std::string text = std::string(kUsEast) + R"(
---
kind: VSwitch
name: outside
spec: {vpc: us-east, cidr: 10.0.0.0/24}
---
kind: VSwitch
name: nowhere
spec: {vpc: no-such-vpc, cidr: 10.0.0.0/24}
)";
  const Admission admission = controller_->apply(text, Mode::kCommit);
  ASSERT_FALSE(admission.ok());
  std::set<std::string> named;
  for (const Error& error : admission.errors) named.insert(error.resource);
  EXPECT_TRUE(named.contains("VSwitch outside"));
  EXPECT_TRUE(named.contains("VSwitch nowhere")) << "all faults at once";
  EXPECT_EQ(controller_->published()->revision, 0u);
  EXPECT_EQ(controller_->published()->model, model::Model());
}

TEST_F(ControllerTest, AnOfficeMoreLeavesOtherNodesAtTheirGeneration) {
  apply(kUsEast);
  apply(kShanghai);
  EXPECT_EQ(generation_of(*controller_, "us-east-node"), 1u);
  EXPECT_EQ(generation_of(*controller_, "shanghai-node"), 2u);
  const Outcome outcome = apply(kOffice2);
  EXPECT_EQ(generation_of(*controller_, "us-east-node"), 3u);
  EXPECT_EQ(generation_of(*controller_, "shanghai-node"), 2u);
  ASSERT_THAT(outcome.nodes, SizeIs(1));
  EXPECT_EQ(outcome.nodes[0].node, "us-east-node");
  EXPECT_EQ(outcome.nodes[0].changed, 0u) << "office 1 is not touched";
  EXPECT_EQ(outcome.nodes[0].removed, 0u);
}

TEST_F(ControllerTest, AKeyLeftOutIsMadeOnceAndKept) {
  apply(kUsEast);
  const std::string psk = psk_of(*controller_, "office-1");
  EXPECT_THAT(psk, SizeIs(24));
  EXPECT_EQ(psk.find_first_not_of("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"),
            std::string::npos);
  apply(R"({"kind":"IpsecConnection","name":"office-1","description":"moved","spec":{
    "vpn_gateway":"us-east","customer_gateway":"office-1","local_subnets":["0.0.0.0/0"],
    "remote_subnets":["10.10.10.0/24"]}})");
  EXPECT_EQ(psk_of(*controller_, "office-1"), psk);
  apply(kOffice2);
  EXPECT_NE(psk_of(*controller_, "office-2"), psk);
}

TEST_F(ControllerTest, AKeyThatIsGivenReplacesTheOld) {
  apply(kUsEast);
  apply(R"({"kind":"IpsecConnection","name":"office-1","spec":{
    "vpn_gateway":"us-east","customer_gateway":"office-1","local_subnets":["0.0.0.0/0"],
    "remote_subnets":["10.10.10.0/24"],"ike":{"psk":"correct-horse-battery"}}})");
  EXPECT_EQ(psk_of(*controller_, "office-1"), "correct-horse-battery");
}

TEST_F(ControllerTest, EverythingSurvivesARestartWithItsGenerations) {
  apply(kUsEast);
  apply(kShanghai);
  const auto before = controller_->published();
  reopen();
  const auto after = controller_->published();
  EXPECT_EQ(after->revision, before->revision) << "nothing had to be written";
  EXPECT_EQ(after->model, before->model);
  EXPECT_EQ(after->revisions, before->revisions);
  for (const auto& [node, state] : before->states) EXPECT_EQ(*after->states.at(node), *state);
}

TEST_F(ControllerTest, NumbersGoOnAfterARestart) {
  apply(kUsEast);
  const uint32_t last =
      controller_->published()->model.find<model::IpsecConnection>("office-1")->meta.number;
  ASSERT_TRUE(controller_->remove({{"IpsecConnection", "office-1"}}, Mode::kCommit).ok());
  reopen();
  apply(kOffice2);
  EXPECT_GT(controller_->published()->model.find<model::IpsecConnection>("office-2")->meta.number,
            last);
}

TEST_F(ControllerTest, AStateThatCompilesDifferentlyAfterARestartGetsANewGeneration) {
  apply(kUsEast);
  controller_.reset();
  {
    auto store = store::open_sqlite(directory_.path() + "/store.db");
    ASSERT_TRUE(
        (*store)
            ->commit({.based_on = 1, .notes = {{"node/us-east-node", "1 of-another-compiler"}}})
            .ok());
  }
  controller_ = open_controller(directory_);
  EXPECT_EQ(controller_->published()->revision, 3u);
  EXPECT_EQ(generation_of(*controller_, "us-east-node"), 3u);
}

// A row that an older Farspan admitted and the rules of today do not: written past admission.
class StoredFaultTest : public ControllerTest {
 protected:
  StoredFaultTest() {
    apply(kUsEast);
    controller_.reset();
    auto store = store::open_sqlite(directory_.path() + "/store.db").value();
    auto row = *store->get({"Vpc", "us-east"}).value();
    const std::string good = "172.16.0.0/16", bad = "100.64.0.0/16";
    row.body.replace(row.body.find(good), good.size(), bad);
    EXPECT_TRUE(store->commit({.based_on = store->list()->revision, .puts = {row}}).ok());
    store.reset();
    controller_ = open_controller(directory_);
  }
};

TEST_F(StoredFaultTest, KeepsNobodyElseFromChangingAnything) {
  ASSERT_FALSE(controller_->published()->faults.empty());
  apply(kShanghai);
  EXPECT_TRUE(controller_->remove({{"IpsecConnection", "office-1"}}, Mode::kCommit).ok());
  ASSERT_FALSE(controller_->published()->faults.empty());
  EXPECT_EQ(controller_->published()->faults.front().resource, "Vpc us-east");
}

TEST_F(StoredFaultTest, IsChargedToWhoeverChangesTheRowAndEndsWithIt) {
  const auto refused = controller_->apply(
      "kind: Vpc\nname: us-east\ndescription: x\nspec: {region: us-east, cidr_blocks: "
      "[100.64.0.0/16]}",
      Mode::kCommit);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.errors.front().resource, "Vpc us-east");
  apply("kind: Vpc\nname: us-east\nspec: {region: us-east, cidr_blocks: [172.16.0.0/16]}");
  EXPECT_TRUE(controller_->published()->faults.empty());
}

TEST_F(ControllerTest, WhatWasPublishedIsKeptForThePagesOfAList) {
  apply(kUsEast);
  const auto first = controller_->published();
  controller_->keep(first);
  apply(kShanghai);
  EXPECT_EQ(controller_->published_at(first->revision), first);
  EXPECT_EQ(controller_->published_at(2), controller_->published());
  EXPECT_EQ(controller_->published_at(3), nullptr);
  EXPECT_FALSE(first->model.find<model::Region>("shanghai"));
  for (int i = 0; i < 16; ++i) {  // whoever pages through many does not fill the memory
    controller_->keep(controller_->published());
    apply("kind: Region\nname: shanghai\ndescription: '" + std::to_string(i) + "'");
  }
  EXPECT_EQ(controller_->published_at(first->revision), nullptr);
}

TEST_F(ControllerTest, ARestoredStoreMakesNoIdentityASecondTime) {
  ASSERT_TRUE(controller_->apply(kUsEast, Mode::kCommit).ok());
  controller_.reset();
  const std::string store = directory_.path() + "/store.db", backup = directory_.path() + "/backup";
  std::filesystem::copy_file(store, backup);
  std::set<std::string> identities;
  for (int i = 0; i < 2; ++i) {
    std::filesystem::copy_file(backup, store, std::filesystem::copy_options::overwrite_existing);
    controller_ = open_controller(directory_);
    const auto identity = [&] {
      return controller_->published()->model.find<model::Node>("us-east-node")->identity();
    };
    identities.insert(identity());
    ASSERT_TRUE(controller_->revoke("us-east-node").ok());
    EXPECT_THAT(identity(),
                testing::MatchesRegex("r2-[0-9a-f]{16}\\.us-east-node\\.node\\.farspan"));
    identities.insert(identity());
    controller_.reset();
    controller_ = open_controller(directory_);
    identities.insert(identity());
    controller_.reset();
  }
  EXPECT_EQ(identities.size(), 3u) << "the one that was copied, and one for each revocation";
}

TEST_F(ControllerTest, ItKnowsTheIdentitiesThatItReplacedAndNoOthers) {
  const auto identity_of = [&](const char* node) {
    return controller_->published()->model.find<model::Node>(node)->identity();
  };
  apply(kUsEast);
  apply(kShanghai);
  const std::string first = identity_of("us-east-node"), deleted = identity_of("shanghai-node");
  EXPECT_FALSE(controller_->has_replaced("us-east-node", first));
  ASSERT_TRUE(controller_->revoke("us-east-node").ok());
  ASSERT_TRUE(controller_->remove({{"Node", "shanghai-node"}}, Mode::kCommit).ok());
  reopen();
  EXPECT_TRUE(controller_->has_replaced("us-east-node", first));
  EXPECT_TRUE(controller_->has_replaced("us-east-node", "us-east-node.node.farspan"));
  EXPECT_TRUE(controller_->has_replaced("us-east-node", "r2.us-east-node.node.farspan"));
  EXPECT_TRUE(controller_->has_replaced("shanghai-node", deleted));
  EXPECT_FALSE(controller_->has_replaced("us-east-node", identity_of("us-east-node")));
  for (const char* unknown : {"r99-1.us-east-node.node.farspan", "r3-1.us-east-node.node.farspan",
                              "r1.another.node.farspan", "rx.us-east-node.node.farspan", ""})
    EXPECT_FALSE(controller_->has_replaced("us-east-node", unknown)) << unknown;
  EXPECT_FALSE(controller_->has_replaced("shanghai-node", "r99-1.shanghai-node.node.farspan"));
}

TEST_F(ControllerTest, DeletingWhatIsReferredToIsRefusedByName) {
  apply(kUsEast);
  const Admission admission = controller_->remove({{"Vpc", "us-east"}}, Mode::kCommit);
  ASSERT_FALSE(admission.ok());
  EXPECT_THAT(admission.errors.front().text(), HasSubstr("us-east"));
  EXPECT_EQ(controller_->published()->revision, 1u);
}

TEST_F(ControllerTest, DeletingEverythingInOneTransactionWorks) {
  apply(kUsEast);
  const Admission admission = controller_->remove(kUsEast, Mode::kCommit);
  ASSERT_TRUE(admission.ok()) << admission.errors.front().text();
  ASSERT_THAT(admission.outcome.nodes, SizeIs(1));
  EXPECT_EQ(admission.outcome.nodes[0].added, 0u);
  EXPECT_EQ(controller_->published()->model, model::Model());
  EXPECT_TRUE(controller_->published()->states.empty());
}

TEST_F(ControllerTest, DeletingWhatDoesNotExistNamesAllOfIt) {
  const Admission admission = controller_->remove({{"Vpc", "a"}, {"Vpc", "b"}}, Mode::kCommit);
  ASSERT_THAT(admission.errors, SizeIs(2));
  EXPECT_EQ(admission.errors[0].code, ErrorCode::kNotFound);
}

TEST_F(ControllerTest, WatchersHearPublicationsAndReadThemFromHistory) {
  std::vector<uint64_t> heard;
  const auto subscription =
      controller_->watch([&](uint64_t revision) { heard.push_back(revision); });
  apply(kShanghai);
  apply(kShanghai);
  EXPECT_THAT(heard, ElementsAre(1u));
  EXPECT_THAT(*controller_->changes_after(0, 100),
              ElementsAre(store::Change{1, store::Action::kCreate, {"Region", "shanghai"}},
                          store::Change{1, store::Action::kCreate, {"Node", "shanghai-node"}}));
}

// A store that lets somebody look between the commit and what the controller does next.
class ObservedStore : public store::Store {
 public:
  ObservedStore(std::unique_ptr<store::Store> store, std::function<void()> committed)
      : store_(std::move(store)), committed_(std::move(committed)) {}
  Result<std::optional<store::Row>> get(const store::Key& key) override { return store_->get(key); }
  Result<store::Contents> list() override { return store_->list(); }
  Result<uint64_t> commit(const store::Transaction& transaction) override {
    auto revision = store_->commit(transaction);
    committed_();
    return revision;
  }
  Status record(const std::map<std::string, std::string>& notes,
                const std::vector<store::AuditRow>& audit) override {
    return store_->record(notes, audit);
  }
  Result<store::AuditPage> audit(const store::AuditQuery& query) override {
    return store_->audit(query);
  }
  Result<std::optional<store::KeptAnswer>> answer_to(const std::string& owner,
                                                     const std::string& key) override {
    return store_->answer_to(owner, key);
  }
  Result<std::vector<store::Change>> changes_after(uint64_t revision, size_t limit) override {
    return store_->changes_after(revision, limit);
  }
  std::unique_ptr<store::Subscription> watch(store::Listener listener) override {
    return store_->watch(std::move(listener));
  }

 private:
  std::unique_ptr<store::Store> store_;
  std::function<void()> committed_;
};

TEST(ControllerWatch, NobodyHearsOfAChangeThatCannotBeReadYet) {
  const StateDirectory directory;
  std::unique_ptr<Controller> controller;
  int looks = 0;
  auto store = store::open_sqlite(directory.path() + "/store.db");
  controller = std::move(Controller::open(std::make_unique<ObservedStore>(*std::move(store), [&] {
                 const auto heard = controller->changes_after(0, 100);
                 ASSERT_TRUE(heard.ok()) << heard.error().text();
                 EXPECT_THAT(*heard, SizeIs(0));
                 ++looks;
               }))).value();
  EXPECT_TRUE(controller->apply(kShanghai, Mode::kCommit).ok());
  EXPECT_EQ(looks, 1);
  EXPECT_THAT(*controller->changes_after(0, 100), SizeIs(2));
}

}  // namespace
}  // namespace farspan::controller
