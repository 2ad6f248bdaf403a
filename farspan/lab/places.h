// SPDX-License-Identifier: Apache-2.0
// Places: which namespace, directory and interface each part of a lab has.
//
//   /run/farspan-lab/<lab>/            mode 0700: secrets of the lab live here, on tmpfs
//     lab.path  supervisor.sock  log/<program>.log
//     controller/  api.sock and the controller's state
//     <node>/      run directory and state of the node's three programs
//     <office>/    strongSwan configuration of the office's router
//     <host>/www   what the host's web server shows
#pragma once

#include <string>

namespace farspan::lab {

inline const std::string kLabRoot = "/run/farspan-lab";

inline std::string directory_of(const std::string& lab) { return kLabRoot + "/" + lab; }

/// The network namespace of the internet, the controller, a node, an office's host, router or NAT
/// device. Instances have the namespace their resource names.
inline std::string netns_of(const std::string& host) { return "fs-" + host; }

inline std::string router_of(const std::string& office) { return office + "-router"; }
inline std::string nat_of(const std::string& office) { return office + "-nat"; }

}  // namespace farspan::lab
