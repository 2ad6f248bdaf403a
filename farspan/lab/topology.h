// SPDX-License-Identifier: Apache-2.0
// Topology: what a lab consists of, read from its lab.yaml and the resource files that it names.
//
//   name: global-offices
//   platform: 0-platform.yaml         # Region and Node resources: the machines Farspan runs on
//   network: [1-us-east.yaml, …]      # what the company declares, in the order it is applied in
//   controller: 192.0.2.1             # optional: public address of the controller
//   offices:
//     - name: office-1                # the computer; its router is office-1-router
//       connection: office-1          # whose exported configuration the router loads
//       public_address: 198.51.100.11
//       lan: 10.10.10.0/24            # the router has its first address
//       host: 10.10.10.10
//       nat: 198.51.100.91            # optional: a NAT device with this address before the router
//
// Nodes are the Node resources of `platform`; instances are the Instance resources of `network`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/net/address.h"

namespace farspan::lab {

struct NodeSite {
  std::string name;
  net::Address public_address;
};

struct InstanceSite {
  std::string name;
  std::string netns;
  net::Address address;
};

struct OfficeSite {
  std::string name, connection;
  net::Address public_address;
  net::Prefix lan;
  net::Address host;
  std::optional<net::Address> nat;
};

struct Topology {
  std::string name;
  std::string platform;              // path
  std::vector<std::string> network;  // paths
  net::Address controller;
  std::vector<NodeSite> nodes;
  std::vector<InstanceSite> instances;
  std::vector<OfficeSite> offices;
};

/// The lab in `path`: a lab.yaml, or a directory that has one. Errors name the file, the field and
/// the value.
Result<Topology> read_topology(const std::string& path);

}  // namespace farspan::lab
