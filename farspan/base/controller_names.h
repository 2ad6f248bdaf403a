// SPDX-License-Identifier: Apache-2.0
// The names that agents ask the controller for in the TLS handshake, whatever address they reach it
// at; its certificate has both. The name sorts connections before anything else is known of them
// (controller/node_listener.h).
#pragma once

namespace farspan {

inline constexpr const char* kSessionName = "controller.farspan";
inline constexpr const char* kEnrolmentName = "enrolment.controller.farspan";

}  // namespace farspan
