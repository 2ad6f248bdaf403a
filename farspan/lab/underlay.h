// SPDX-License-Identifier: Apache-2.0
// Underlay: the namespaces and wires of a lab: an "internet" that routes between public addresses
// and nothing else.
//
//                       fs-internet  (100.64.0.1 on every wire; one host route per public address)
//      ┌──────────────┬──────┴───────┬───────────────────┐
//   wan0           wan0           wan0                wan0
//   fs-controller  fs-<node>      fs-<office>-router  fs-<office>-nat ── fs-<office>-router
//                                    │ lan0             (behind a NAT)      │ lan0
//                                 fs-<office> eth0                       fs-<office> eth0
//
//   <instance>: empty; the agent plugs its TAP in.
//
// Private addresses have no route in fs-internet, so whatever crosses it was in a tunnel.
#pragma once

#include <string>
#include <vector>

#include "farspan/base/result.h"
#include "farspan/lab/topology.h"

namespace farspan::lab {

/// Every namespace the lab uses, in the order in which they are made.
std::vector<std::string> namespaces_of(const Topology& topology);

/// Makes all of them, wired and addressed. kConflict when one of the names is taken.
Status build_underlay(const Topology& topology);

/// Removes those of `namespaces` that exist, and every process still in them.
Status remove_namespaces(const std::vector<std::string>& namespaces);

bool namespace_exists(const std::string& netns);

}  // namespace farspan::lab
