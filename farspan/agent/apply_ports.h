// SPDX-License-Identifier: Apache-2.0
// apply_ports: instances' devices, made before the tables name them and removed after the tables
// forgot them.
//
// A device the data plane holds is left alone but for its addresses; one it lost, or never had, is
// opened again and its descriptor handed to the next batch. What fails is kept by port with its own
// backoff, so that an instance whose namespace is missing delays nobody. Which devices were made is
// journalled, so that one whose port went away while the agent was dead is removed by the next
// agent.
//
// Not here: the system calls (port_device.h), the batch (apply_tables.h).
// Threads: the node loop.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "farspan/agent/backoff.h"
#include "farspan/agent/item_failure.h"
#include "farspan/agent/port_device.h"
#include "farspan/nodestate/node_state.h"

namespace farspan::agent {

using nodestate::Ports;
using PortFds = std::map<nodestate::PortId, UniqueFd>;

class PortApplier {
 public:
  /// @param devices  outlives this    @param journal  path of the list of devices made
  PortApplier(PortDevices& devices, std::string journal);

  /// Makes and configures the devices of `wanted` that are due, and opens those without a
  /// descriptor in the data plane. A port whose namespace changed loses its old device first.
  /// @param live  ports whose descriptor the data plane holds
  PortFds open(const Ports& wanted, const std::set<nodestate::PortId>& live, Clock::time_point now);

  /// Removes the devices of ports that are not wanted any more.
  void remove_others(const Ports& wanted, Clock::time_point now);

  /// Everything that failed is due at once: a namespace appeared.
  void expedite();
  std::vector<ItemFailure> failures() const;
  /// When something is to be tried again; Clock::time_point::max() when nothing is.
  Clock::time_point next_attempt() const;

 private:
  struct Device {
    std::string netns;
    std::string place;           // which namespace had that name then
    nodestate::Port configured;  // the row it was configured by; empty after a restart of the agent
  };
  struct Failure {
    ItemFailure item;
    Backoff backoff{std::chrono::milliseconds(100), std::chrono::milliseconds(1000)};
  };
  bool is_due(nodestate::PortId id, Clock::time_point now) const;
  void failed(nodestate::PortId id, const std::string& item, const Error& error,
              Clock::time_point now);
  bool is_used_by_another(nodestate::PortId id, const std::string& netns) const;
  bool leave_old_namespace(nodestate::PortId id, const nodestate::Port& port,
                           Clock::time_point now);
  void made(nodestate::PortId id, const nodestate::Port& port, std::string place);
  void load_journal();
  void save_journal();

  PortDevices& devices_;
  std::string journal_;
  std::map<nodestate::PortId, Device> made_;
  std::map<nodestate::PortId, Failure> failures_;
};

}  // namespace farspan::agent
