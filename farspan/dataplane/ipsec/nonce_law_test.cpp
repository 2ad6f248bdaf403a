// SPDX-License-Identifier: Apache-2.0
// The law of nonces (RFC 4106 §2): no number is sent twice under one key, whatever was killed,
// removed or full, in whatever order; and no SA is lost that need not be.
//
// Every order of events up to a depth is played with the real arena and the real Sad. Only charon's
// copy is told again here, in the four lines of it that matter: what it holds, and whether a data
// plane ever said yes to it (ike/sad_copy.h). After each event everything that can send sends.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <list>
#include <optional>
#include <set>

#include "farspan/dataplane/ipsec/sad.h"
#include "farspan/dataplane/ipsec/test_sas.h"

namespace farspan::ipsec {
namespace {

constexpr crypto::Suite kGcm = {crypto::Cipher::kAesGcm128, crypto::Integrity::kAead};
constexpr InnerFlow kFlow = {1, 2, 3, 4, 6};
constexpr uint32_t kSlots = 3;

enum class Event {
  kKill,              // of the data plane; it comes back, and charon connects
  kRepeat,            // charon repeats one SA, or says that this was all
  kRekey,             // a new SA, and the oldest goes
  kFill,              // new SAs until there is no room
  kKillBeforeAnswer,  // the data plane did what it was asked, but dies before it says so
  kKillUnheard,       // it dies with the request in its socket
  kDeleteUnheard,     // the same with a deletion
  kRemoveFile,        // somebody tidies the run directory
};
constexpr Event kEvents[] = {Event::kKill,          Event::kRepeat,           Event::kRekey,
                             Event::kFill,          Event::kKillBeforeAnswer, Event::kKillUnheard,
                             Event::kDeleteUnheard, Event::kRemoveFile};

crypto::Context& context() {
  static const std::unique_ptr<crypto::Context> made = *crypto::Context::create();
  return *made;
}

class World {
 public:
  World() {
    start();
    while (!is_synced_) repeat();
    add();
  }
  /// @return false when the event cannot happen now
  bool play(Event event) {
    switch (event) {
      case Event::kKill:
        restart();
        break;
      case Event::kRepeat:
        if (is_synced_) return false;
        repeat();
        break;
      case Event::kRekey:
        if (!is_synced_) return false;
        if (add() && copy_.size() > 1) remove_oldest();
        break;
      case Event::kFill:
        if (!is_synced_) return false;
        while (add()) {
        }
        break;
      case Event::kKillBeforeAnswer:
      case Event::kKillUnheard:
        if (!is_synced_) return false;
        copy_.push_back({next_key_++, false, arena_number_});
        if (event == Event::kKillBeforeAnswer) (void)install(copy_.back());
        restart();
        break;
      case Event::kDeleteUnheard:
        if (!is_synced_ || copy_.empty()) return false;
        copy_.pop_front();
        restart();
        break;
      case Event::kRemoveFile:
        if (!file_.remove()) return false;
        ++file_number_;
    }
    send();
    return true;
  }

 private:
  struct Held {  // by charon
    uint32_t key;
    bool is_confirmed;
    uint32_t file_number;  // of the arena it was installed with first
  };

  void start() {
    arena_ = *SequenceArena::open(file_.path(), kSlots);
    arena_number_ = file_number_;
    sad_.emplace(*arena_, context());
    sad_->hello(1);
    is_synced_ = false;
    to_repeat_.clear();
    for (const Held& held : copy_) to_repeat_.push_back(held.key);
  }
  // As kill -9 leaves it: what our destructors do to the file does not happen.
  void kill() {
    std::string left;
    const bool has_file = arena_number_ == file_number_;
    if (has_file) {
      std::ifstream file(file_.path(), std::ios::binary);
      left.assign(std::istreambuf_iterator<char>(file), {});
    }
    sad_.reset();
    arena_.reset();
    if (has_file) std::ofstream(file_.path(), std::ios::binary) << left;
  }
  void restart() {
    kill();
    start();
  }

  SaDescription description_of(const Held& held) const {
    SaDescription sa;
    sa.spi = 0x1000 + held.key;
    sa.tunnel = held.key;  // so that each can be asked to send
    sa.suite = kGcm;
    sa.encryption_key.length = 20;
    sa.encryption_key.bytes[0] = static_cast<uint8_t>(held.key);
    sa.path = {{1, 4500}, {2, 4500}, true};
    sa.selectors = TrafficSelectors::everything();
    sa.is_repeated = held.is_confirmed;
    return sa;
  }
  SadVerdict install(const Held& held) {
    const SadVerdict verdict = sad_->add(description_of(held), 1);
    if (verdict != SadVerdict::kOk) return verdict;
    PolicyDescription policy;
    policy.tunnel = held.key;
    policy.spi = 0x1000 + held.key;
    return sad_->add_policy(policy, 1);
  }
  bool add() {
    copy_.push_back({next_key_++, false, arena_number_});
    const SadVerdict verdict = install(copy_.back());
    if (verdict == SadVerdict::kOk) {
      copy_.back().is_confirmed = true;
      return true;
    }
    EXPECT_EQ(verdict, SadVerdict::kFull);
    EXPECT_EQ(arena_->used_slots(), kSlots);
    copy_.pop_back();
    return false;
  }
  void remove_oldest() {
    const uint32_t key = copy_.front().key;
    copy_.pop_front();
    EXPECT_EQ(sad_->remove({false, 0x1000 + key, key}), SadVerdict::kOk);
    PolicyDescription policy;
    policy.tunnel = key;
    policy.spi = 0x1000 + key;
    EXPECT_EQ(sad_->remove_policy(policy), SadVerdict::kOk);
  }
  void repeat() {
    if (to_repeat_.empty()) {
      sad_->synced(1);
      is_synced_ = true;
      EXPECT_EQ(arena_->used_slots(), copy_.size());  // and what nobody holds is room again
      for (const Held& held : copy_) EXPECT_TRUE(can_send(held.key));
      return;
    }
    const uint32_t key = to_repeat_.front();
    to_repeat_.pop_front();
    const auto held = std::ranges::find(copy_, key, &Held::key);
    const SadVerdict verdict = install(*held);
    if (verdict == SadVerdict::kOk) {
      if (!held->is_confirmed) held->file_number = arena_number_;
      held->is_confirmed = true;
      return;
    }
    // Lost only with the file that had its numbers, or before anybody said yes to it.
    if (held->is_confirmed) {
      EXPECT_EQ(verdict, SadVerdict::kNumbersLost);
      EXPECT_NE(held->file_number, arena_number_);
    } else {
      EXPECT_EQ(verdict, SadVerdict::kFull);
    }
    copy_.erase(held);
  }

  bool can_send(uint32_t key) const { return sad_->view().select(key, kFlow).sa != nullptr; }
  void send() {
    for (uint32_t key = 1; key < next_key_; ++key) {
      OutboundSa* const sa = sad_->view().select(key, kFlow).sa;
      if (sa == nullptr) continue;
      EXPECT_TRUE(sent_.emplace(key, sa->take_sequences(1).first).second)
          << "a nonce is used twice under key " << key;
    }
  }

  TemporaryFile file_;
  uint32_t file_number_ = 0, arena_number_ = 0;  // which file is at the path; which one is mapped
  std::unique_ptr<SequenceArena> arena_;
  std::optional<Sad> sad_;
  bool is_synced_ = false;
  std::list<Held> copy_;
  std::list<uint32_t> to_repeat_;
  uint32_t next_key_ = 1;
  std::set<std::pair<uint32_t, uint64_t>> sent_;
};

// Plays `order` from the beginning, and then everything that may come behind it.
// @return orders played to their end
size_t play_all(std::vector<Event>& order, size_t depth) {
  {
    World world;
    for (const Event event : order) {
      if (!world.play(event)) return 0;  // only the last one can be impossible
    }
  }
  if (order.size() == depth || testing::Test::HasFailure()) return 1;
  size_t played = 0;
  for (const Event event : kEvents) {
    order.push_back(event);
    played += play_all(order, depth);
    if (testing::Test::HasFailure()) return played;
    order.pop_back();
  }
  return played;
}

std::string text_of(const std::vector<Event>& order) {
  constexpr const char* kNames[] = {
      "kill",         "repeat",         "rekey",          "fill", "kill before the answer",
      "kill unheard", "delete unheard", "remove the file"};
  std::string text;
  for (const Event event : order) text += std::string(kNames[static_cast<size_t>(event)]) + ", ";
  return text;
}

TEST(NonceLaw, HoldsInEveryOrderOfEvents) {
  constexpr size_t kDepth = 5;
  std::vector<Event> order;
  const size_t played = play_all(order, kDepth);
  EXPECT_FALSE(HasFailure()) << "order: " << text_of(order);
  EXPECT_GT(played, 1500u);
}

}  // namespace
}  // namespace farspan::ipsec
