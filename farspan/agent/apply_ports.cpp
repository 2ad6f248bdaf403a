// SPDX-License-Identifier: Apache-2.0
// Order: 1. a port that moved to another namespace leaves the old one
//        2. devices without a descriptor in the data plane are made, configured and opened
//        3. devices with one are configured where their row changed
//        (the tables are programmed, apply.cpp)
//        4. devices nobody wants are removed
#include "farspan/agent/apply_ports.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>

#include "farspan/agent/state_file.h"

namespace farspan::agent {
namespace {

constexpr size_t kMaxJournal = 16u << 20;

std::string item_of(const nodestate::Port& port) { return "Instance " + port.instance; }

}  // namespace

PortApplier::PortApplier(PortDevices& devices, std::string journal)
    : devices_(devices), journal_(std::move(journal)) {
  load_journal();
}

PortFds PortApplier::open(const Ports& wanted, const std::set<nodestate::PortId>& live,
                          Clock::time_point now) {
  PortFds opened;
  for (const auto& [id, port] : wanted) {
    const auto device = made_.find(id);
    std::string place = devices_.place(port.netns);
    const bool is_live = live.contains(id) && device != made_.end() &&
                         device->second.netns == port.netns && device->second.place == place;
    if (is_live && device->second.configured == port) continue;
    if (!is_due(id, now) || !leave_old_namespace(id, port, now)) continue;
    if (is_live) {
      if (auto done = devices_.configure(id, port); !done) {
        failed(id, item_of(port), done.error(), now);
        continue;
      }
    } else {
      auto fd = devices_.open(id, port);
      if (!fd) {
        failed(id, item_of(port), fd.error(), now);
        continue;
      }
      opened.emplace(id, std::move(*fd));
    }
    made(id, port, std::move(place));
  }
  return opened;
}

void PortApplier::remove_others(const Ports& wanted, Clock::time_point now) {
  std::erase_if(failures_, [&](const auto& entry) {
    return !wanted.contains(entry.first) && !made_.contains(entry.first);
  });
  bool has_changed = false;
  for (auto device = made_.begin(); device != made_.end();) {
    const auto id = device->first;
    if (wanted.contains(id) || !is_due(id, now)) {
      ++device;
      continue;
    }
    const bool is_handed_on = is_used_by_another(id, device->second.netns);
    auto removed = is_handed_on ? ok() : devices_.remove(id, device->second.netns);
    if (!removed) {
      failed(id, "Instance port " + to_string(id), removed.error(), now);
      ++device;
      continue;
    }
    failures_.erase(id);
    device = made_.erase(device);
    has_changed = true;
  }
  if (has_changed) save_journal();
}

// One instance took another's place in its namespace: the device is the newcomer's now.
bool PortApplier::is_used_by_another(nodestate::PortId id, const std::string& netns) const {
  if (netns.empty()) return false;  // there each port has a name of its own
  return std::any_of(made_.begin(), made_.end(), [&](const auto& other) {
    return other.first != id && other.second.netns == netns;
  });
}

// True when no device of this port is left elsewhere.
bool PortApplier::leave_old_namespace(nodestate::PortId id, const nodestate::Port& port,
                                      Clock::time_point now) {
  const auto device = made_.find(id);
  if (device == made_.end() || device->second.netns == port.netns) return true;
  if (auto removed = devices_.remove(id, device->second.netns); !removed) {
    failed(id, item_of(port), removed.error(), now);
    return false;
  }
  made_.erase(device);
  return true;
}

void PortApplier::made(nodestate::PortId id, const nodestate::Port& port, std::string place) {
  failures_.erase(id);
  const auto old = made_.find(id);
  const bool is_known =
      old != made_.end() && old->second.netns == port.netns && old->second.place == place;
  made_.insert_or_assign(id, Device{port.netns, std::move(place), port});
  if (!is_known) save_journal();
}

bool PortApplier::is_due(nodestate::PortId id, Clock::time_point now) const {
  const auto failure = failures_.find(id);
  return failure == failures_.end() || failure->second.backoff.is_due(now);
}

void PortApplier::failed(nodestate::PortId id, const std::string& item, const Error& error,
                         Clock::time_point now) {
  Failure& failure = failures_[id];
  const ItemFailure words = failure_of(item, error);
  if (failure.item != words) spdlog::warn("{}: {}; {}", words.item, words.reason, words.remedy);
  failure.item = words;
  failure.backoff.failed(now);
}

void PortApplier::expedite() {
  for (auto& [id, failure] : failures_) failure.backoff.expedite();
}

std::vector<ItemFailure> PortApplier::failures() const {
  std::vector<ItemFailure> list;
  for (const auto& [id, failure] : failures_) list.push_back(failure.item);
  return list;
}

Clock::time_point PortApplier::next_attempt() const {
  auto next = Clock::time_point::max();
  for (const auto& [id, failure] : failures_) next = std::min(next, failure.backoff.next());
  return next;
}

// One line per device: the number, which namespace it was, and its name, which may be empty.
void PortApplier::load_journal() {
  auto bytes = read_file(journal_, kMaxJournal);
  if (!bytes) return;
  std::istringstream lines(*bytes);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    uint32_t number = 0;
    std::string place, netns;
    if (words >> number >> place) {
      words.get();  // the space
      std::getline(words, netns);
      made_.insert_or_assign(nodestate::PortId(number), Device{netns, place, {}});
    }
  }
}

void PortApplier::save_journal() {
  std::string lines;
  for (const auto& [id, device] : made_) {
    lines += to_string(id) + " " + device.place + " " + device.netns + "\n";
  }
  if (auto saved = write_file(journal_, lines); !saved) spdlog::warn("{}", saved.error().text());
}

}  // namespace farspan::agent
