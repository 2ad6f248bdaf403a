// SPDX-License-Identifier: Apache-2.0
// Device: one IPsec connection seen from the office: what both export forms are written from.
//
// Internal to compiler/.
#pragma once

#include <string>

#include "farspan/base/result.h"
#include "farspan/model/model.h"

namespace farspan::compiler {

struct Device {
  const model::IpsecConnection* connection = nullptr;
  std::string vpc;
  net::Address local, remote;  // the office's, the gateway's
  std::string local_id, remote_id;
  // The office's subnets are the connection's remote ones and the other way round.
  const std::vector<net::Prefix>& local_subnets() const { return connection->remote_subnets; }
  const std::vector<net::Prefix>& remote_subnets() const { return connection->local_subnets; }
};

Result<Device> device_of(const model::Model& model, const std::string& connection);

/// "10.0.0.0/8,172.16.0.0/16"
std::string comma_separated(const std::vector<net::Prefix>& prefixes);

}  // namespace farspan::compiler
