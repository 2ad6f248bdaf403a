// SPDX-License-Identifier: Apache-2.0
// Lab: regions, offices, instances and an internet on one machine, running the same programs as
// production.
//
// What a lab is stands in its lab.yaml (topology.h); what runs is asked from its supervisor.
// Nothing else is remembered, so a lab whose builder crashed is found and removed like any other.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/cli/rest/client.h"
#include "farspan/lab/matrix.h"
#include "farspan/lab/supervisor.h"
#include "farspan/lab/topology.h"

namespace farspan::lab {

/// Told of each step when it begins ("starting 2 nodes"); the end of one is the beginning of the
/// next.
using Progress = std::function<void(const std::string& step)>;

class Lab {
 public:
  /// Builds and starts the lab in `path` (topology.h), replacing a former run of it.
  /// @param is_empty  only machines, wires and nodes: nothing of `network` is applied, no office is
  /// configured
  static Result<Lab> up(const std::string& path, bool is_empty, const Progress& progress);

  /// The running lab called `name`; the only one when `name` is empty.
  static Result<Lab> find(const std::string& name);

  const Topology& topology() const { return topology_; }
  std::string api_socket() const;
  Result<std::vector<ProgramStatus>> programs() const;

  /// The namespace of a host: a node, an office, its router ("office-1-router") or NAT, an
  /// instance, "internet", "controller". kNotFound lists them.
  Result<std::string> netns(const std::string& host) const;
  std::vector<std::string> host_names() const;

  /// Gives the router of `office` this swanctl.conf, unedited.
  Status load_office(const std::string& office, const std::string& swanctl_conf) const;
  /// Exports every office's configuration and loads it; offices whose connection is not declared
  /// are left alone.
  Status load_offices() const;

  /// Waits until every node is connected and has its newest state in force; the Error says what is
  /// missing.
  Status await_nodes() const;
  /// Waits until every tunnel is up; the Error says which is not, and why.
  Status await_tunnels() const;

  Result<Matrix> check() const { return measure_matrix(topology_, api_socket()); }

  /// Ends everything and leaves nothing: no process, no namespace, no file.
  Status down(const Progress& progress) const;

 private:
  Status await(Result<std::string> (*missing_of)(const cli::RestClient&)) const;
  explicit Lab(Topology topology) : topology_(std::move(topology)) {}
  Topology topology_;
};

/// Names of the labs that are up, or were left behind.
std::vector<std::string> lab_names();

}  // namespace farspan::lab
