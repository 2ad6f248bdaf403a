// SPDX-License-Identifier: Apache-2.0
#include "farspan/compiler/device.h"

namespace farspan::compiler {

Result<Device> device_of(const model::Model& model, const std::string& name) {
  const auto missing = [](const char* kind, const std::string& missing_name) {
    return Error{ErrorCode::kNotFound, std::string(kind) + " " + missing_name, "", "does not exist",
                 "see which ones do with: farspan get ipsec-connections"};
  };
  const auto* connection = model.find<model::IpsecConnection>(name);
  if (connection == nullptr) return missing("IpsecConnection", name);
  const auto* office = model.find<model::CustomerGateway>(connection->customer_gateway);
  if (office == nullptr) return missing("CustomerGateway", connection->customer_gateway);
  const auto* gateway = model.find<model::VpnGateway>(connection->vpn_gateway);
  if (gateway == nullptr) return missing("VpnGateway", connection->vpn_gateway);
  const auto* node = model.find<model::Node>(gateway->node);
  if (node == nullptr) return missing("Node", gateway->node);

  Device device;
  device.connection = connection;
  device.vpc = gateway->vpc;
  device.local = office->address;
  device.remote = node->public_address;
  device.local_id =
      connection->ike.remote_id.empty() ? device.local.text() : connection->ike.remote_id;
  device.remote_id =
      connection->ike.local_id.empty() ? device.remote.text() : connection->ike.local_id;
  return device;
}

std::string comma_separated(const std::vector<net::Prefix>& prefixes) {
  std::string text;
  for (const net::Prefix& prefix : prefixes) text += (text.empty() ? "" : ",") + prefix.text();
  return text;
}

}  // namespace farspan::compiler
