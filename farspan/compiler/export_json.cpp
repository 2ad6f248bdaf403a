// SPDX-License-Identifier: Apache-2.0
// The JSON form of an export, with the names and words of the cloud. Written by hand: nine lines of
// a fixed shape are no reason for the compiler to depend on a JSON library.
#include <cstdio>

#include "farspan/compiler/device.h"
#include "farspan/compiler/export_swanctl.h"
#include "farspan/compiler/proposals.h"

namespace farspan::compiler {
namespace {

std::string json_quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      char escape[7];
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      out += escape;
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string word(model::Encryption encryption) {
  switch (encryption) {
    case model::Encryption::kAes128:
      return "aes";
    case model::Encryption::kAes256:
      return "aes256";
    case model::Encryption::kAes128Gcm:
      return "aes128gcm";
    case model::Encryption::kAes256Gcm:
      return "aes256gcm";
  }
  return {};
}

std::string word(model::DhGroup group) {
  return group == model::DhGroup::kNone ? "disabled"
                                        : "group" + std::to_string(static_cast<int>(group));
}

std::string ike_object(const Device& device) {
  const model::IkeConfig& ike = device.connection->ike;
  return "{\"Psk\": " + json_quoted(ike.psk) + ", \"IkeVersion\": " +
         json_quoted(ike.version == model::IkeVersion::kIkev1 ? "ikev1" : "ikev2") +
         ", \"IkeMode\": " +
         json_quoted(ike.mode == model::IkeMode::kAggressive ? "aggressive" : "main") +
         ", \"IkeEncAlg\": " + json_quoted(word(ike.encryption)) +
         ", \"IkeAuthAlg\": " + json_quoted(keyword(ike.integrity)) +
         ", \"IkePfs\": " + json_quoted(word(ike.dh_group)) +
         ", \"IkeLifetime\": " + std::to_string(ike.lifetime_seconds) +
         ", \"LocalId\": " + json_quoted(device.local_id) +
         ", \"RemoteId\": " + json_quoted(device.remote_id) + "}";
}

std::string ipsec_object(const model::IpsecConfig& ipsec) {
  return "{\"IpsecEncAlg\": " + json_quoted(word(ipsec.encryption)) +
         ", \"IpsecAuthAlg\": " + json_quoted(keyword(ipsec.integrity)) +
         ", \"IpsecPfs\": " + json_quoted(word(ipsec.pfs_group)) +
         ", \"IpsecLifetime\": " + std::to_string(ipsec.lifetime_seconds) + "}";
}

}  // namespace

Result<std::string> export_json(const model::Model& model, const std::string& name) {
  const Result<Device> device = device_of(model, name);
  if (!device) return device.error();
  return "{\"VpnConnectionConfig\": {\n"
         "  \"Local\": " +
         json_quoted(device->local.text()) +
         ",\n"
         "  \"Remote\": " +
         json_quoted(device->remote.text()) +
         ",\n"
         "  \"LocalSubnet\": " +
         json_quoted(comma_separated(device->local_subnets())) +
         ",\n"
         "  \"RemoteSubnet\": " +
         json_quoted(comma_separated(device->remote_subnets())) +
         ",\n"
         "  \"IkeConfig\": " +
         ike_object(*device) +
         ",\n"
         "  \"IpsecConfig\": " +
         ipsec_object(device->connection->ipsec) +
         "\n"
         "}}\n";
}

}  // namespace farspan::compiler
