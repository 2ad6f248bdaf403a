// SPDX-License-Identifier: Apache-2.0
// What a node reports, from its messages to plain types.
#pragma once

#include <string>
#include <vector>

#include "farspan/controller/node_report.h"

namespace farspan::v1 {
class InForce;
class NodeStatus;
}  // namespace farspan::v1

namespace farspan::controller {

/// A node's words go into logs and onto terminals, and a node may be anybody by now: 1024 bytes at
/// most, without control characters.
std::string words_from(const std::string& text);

std::vector<ItemFailure> failures_from(const v1::InForce& message);
NodeStatus status_from(const v1::NodeStatus& message);

}  // namespace farspan::controller
