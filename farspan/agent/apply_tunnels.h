// SPDX-License-Identifier: Apache-2.0
// apply_tunnels: charon's connections, kept equal to the wanted tunnels by a thread of their own.
//
// charon may take seconds to answer (thousands of connections, a restart), and the tables must not
// wait for it. So the node loop leaves the newest wanted map here and goes on; the thread
// reconciles and publishes a report. Only the newest map counts: generations in between are
// skipped.
//
// Not here: VICI and what differs between two connections (tunnels/tunnel_set.h).
// Threads: want() and report() from any thread; the TunnelSet is the thread's alone.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "farspan/agent/item_failure.h"
#include "farspan/agent/tunnels/tunnel_set.h"
#include "farspan/agent/wakeup.h"

namespace farspan::agent {

using Clock = std::chrono::steady_clock;
using nodestate::Tunnels;

// charon is asked, and the controller told, this often.
inline constexpr std::chrono::milliseconds kStatusPeriod{1000};

struct TunnelReport {
  uint64_t generation =
      0;  // the newest one that was brought to charon; what failed is in `failures`
  std::vector<ItemFailure> failures;
  std::vector<tunnels::TunnelStatus> statuses;
  bool is_charon_up = false;
};

/// Where the applier leaves what it wants.
class TunnelApplier {
 public:
  virtual ~TunnelApplier() = default;
  virtual void want(uint64_t generation, const Tunnels& tunnels) = 0;
  virtual TunnelReport report() const = 0;
};

class CharonTunnels final : public TunnelApplier {
 public:
  /// Starts the thread. @param changed  called on it when the report changed in more than counters
  CharonTunnels(std::string vici_path, std::function<void()> changed);
  /// Ends the thread, also when charon hangs; charon's connections stay as they are.
  ~CharonTunnels() override;

  void set_credentials(tunnels::NodeCredentials credentials);
  void want(uint64_t generation, const Tunnels& tunnels) override;
  TunnelReport report() const override;

 private:
  struct Wanted {
    uint64_t generation = 0;
    Tunnels tunnels;
    tunnels::NodeCredentials credentials;
    bool operator==(const Wanted&) const = default;
  };
  void run();
  bool take_wanted(Wanted& current, bool& has_new_tunnels);
  void publish(const Wanted& current);

  std::function<void()> changed_;
  Wakeup wakeup_;
  Wakeup stop_;
  std::atomic<bool> is_stopping_{false};

  mutable std::mutex mutex_;  // wanted_, is_new_, report_
  Wanted wanted_;
  bool is_new_ = false;
  TunnelReport report_;

  tunnels::TunnelSet set_;  // the thread's
  std::thread thread_;
};

}  // namespace farspan::agent
