// SPDX-License-Identifier: Apache-2.0
// Programs: what runs in each place of a lab, and how it is started. The same binaries as in
// production; offices run stock strongSwan with its own userland ESP, never our code.
#pragma once

#include <string>

#include "farspan/base/result.h"
#include "farspan/lab/supervisor.h"
#include "farspan/lab/topology.h"

namespace farspan::lab {

class Programs {
 public:
  /// @param supervisor  outlives this
  Programs(const Topology& topology, const Supervisor& supervisor);

  /// The controller's API socket.
  std::string api_socket() const;

  /// Starts the controller; its API answers when this returns.
  Status start_controller() const;
  /// Enrols one node with a one-time token and starts its data plane, charon and agent.
  Status start_node(const NodeSite& node) const;
  /// Starts the office's router (strongSwan without any connection) and the web server of its host.
  Status start_office(const OfficeSite& office) const;
  /// Starts the instance's web server.
  Status start_instance(const InstanceSite& instance) const;

  /// Gives the office's router `swanctl_conf` as it is and loads it (swanctl --load-all).
  Status load_office(const OfficeSite& office, const std::string& swanctl_conf) const;

 private:
  Status start(const std::string& name, const std::string& netns, const Argv& argv) const;
  Status start_web_server(const std::string& host, const std::string& netns) const;
  std::string place(const std::string& host) const;  // its directory

  const Topology& topology_;
  const Supervisor& supervisor_;
};

}  // namespace farspan::lab
