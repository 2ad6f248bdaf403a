// SPDX-License-Identifier: Apache-2.0
// enrolment: how a new machine becomes a node, one call with a one-time token, answered with a
// certificate.
//
// The bundle is a JSON file that the controller made and a person carried here:
//   {"node": "us-east-1", "controller": "192.0.2.10:7443",
//    "token": "…", "ca_certificate": "-----BEGIN …"}
// It brings the CA along, so the very first connection is authenticated too. It is deleted once the
// certificate is on the disk; the token in it is worthless then. It makes a new key: whoever has a
// lost machine's key must not become the node again with it.
//
// Not here: key and certificate (identity.h), renewing it (session.h).
// Threads: the session's; each call waits for the controller, at most kPatience.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "farspan/agent/identity.h"
#include "farspan/base/result.h"

namespace farspan::agent {

struct Bundle {
  std::string node, controller, token, ca_certificate;
};

/// kInvalid with the field's name when it is not there, no text, or too long.
Result<Bundle> parse_bundle(std::string_view json);

inline constexpr std::chrono::seconds kPatience{10};

struct Enrolled {
  Identity identity;
  std::optional<Error> unused_bundle;  // why the bundle there is did not make it
};

/// The identity in `directory`, or, with a new key, the one that the bundle at `bundle_path` gets
/// from `controller`. The bundle is gone afterwards, unless it cannot be read or the controller not
/// be reached. A bundle replaces the identity there is; one that is not accepted, whatever the
/// reason, does not take it away. Errors are of a node without one: kUnavailable: try again;
/// anything else needs a new bundle.
/// @param bundle_path  empty: there is none
Result<Enrolled> enrol(const std::string& directory, const std::string& node,
                       const std::string& controller, const std::string& bundle_path);

}  // namespace farspan::agent
