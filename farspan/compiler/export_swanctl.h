// SPDX-License-Identifier: Apache-2.0
// Export: how an office's device must be set up, written for the device.
//
// Seen from the office: its own address is local, the gateway's is remote, and the subnets are
// swapped. The pre-shared key is in it, so the answer is for the person who asked and
// for nobody's log.
//
// The swanctl form loads unedited with `swanctl --load-all` on a stock strongSwan. It offers
// exactly the one proposal of the connection and no ESN: kernel-libipsec, strongSwan's ESP without
// a kernel, refuses ESN, and the gateway takes both.
//
// Threads: none; pure.
#pragma once

#include <string>

#include "farspan/base/result.h"
#include "farspan/model/model.h"

namespace farspan::compiler {

/// /etc/swanctl/conf.d/<connection>.conf. kNotFound without such a connection. @pre validate(model)
/// is clean
Result<std::string> export_swanctl(const model::Model& model, const std::string& connection);

/// The JSON document of the cloud's DownloadVpnConnectionConfig, without its RequestId.
Result<std::string> export_json(const model::Model& model, const std::string& connection);

}  // namespace farspan::compiler
