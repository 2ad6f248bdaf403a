// SPDX-License-Identifier: Apache-2.0
// PortDevices: the TAP device of one instance: made, configured, opened for the data plane,
// removed.
//
//   instance's netns                     agent                       farspan-dataplane
//   eth0 (persistent TAP) ◀── fd ── open() ── SetPort, SCM_RIGHTS ──▶ reads and writes
//
// The device is persistent, so it keeps its addresses while no data plane holds it. It is called
// eth0 in a namespace of its own and fs<number> in the agent's own namespace, where it gets no
// default route: that is the machine's.
//
// Not here: offloads (the data plane switches them on), when to do which (apply_ports.cpp).
// Threads: one at a time.
#pragma once

#include <string>

#include "farspan/base/result.h"
#include "farspan/base/unique_fd.h"
#include "farspan/nodestate/node_state.h"

namespace farspan::agent {

inline constexpr uint32_t kPortMtu = 1500;

class PortDevices {
 public:
  virtual ~PortDevices() = default;
  /// Makes the device if need be, configures it and opens it.
  ///   - kNotFound     its namespace does not exist
  ///   - kConflict     another program, or a data plane that is not gone yet, holds it
  virtual Result<UniqueFd> open(nodestate::PortId id, const nodestate::Port& port) = 0;
  /// Gives an existing device the addresses of `port`; what is right already is not touched.
  virtual Status configure(nodestate::PortId id, const nodestate::Port& port) = 0;
  /// Which namespace `netns` is now (netns_identity). An open device keeps the namespace it was
  /// made in alive, even after that was deleted and another one got its name, so only this tells.
  virtual std::string place(const std::string& netns) = 0;
  /// Removes the device; one that is not there, or whose namespace is gone, is no error.
  virtual Status remove(nodestate::PortId id, const std::string& netns) = 0;
};

/// The kernel's.
class TapDevices final : public PortDevices {
 public:
  Result<UniqueFd> open(nodestate::PortId id, const nodestate::Port& port) override;
  Status configure(nodestate::PortId id, const nodestate::Port& port) override;
  std::string place(const std::string& netns) override;
  Status remove(nodestate::PortId id, const std::string& netns) override;
};

/// "eth0" in a namespace of its own, "fs7" in the agent's.
std::string device_name(nodestate::PortId id, const std::string& netns);

}  // namespace farspan::agent
