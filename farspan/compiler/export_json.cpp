// SPDX-License-Identifier: Apache-2.0
// The JSON form of an export, with the names and words of the cloud. Written by hand: nine lines of
// a fixed shape are no reason for the compiler to depend on a JSON library.
#include <cstdio>

#include "farspan/compiler/device.h"
#include "farspan/compiler/export_swanctl.h"

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

// The cloud's words are the model's.
template <class Value, size_t kCount>
std::string json_word(const model::Words<Value, kCount>& words, Value value) {
  return json_quoted(std::string(model::word_of(words, value)));
}

std::string ike_object(const Device& device) {
  const model::IkeConfig& ike = device.connection->ike;
  return "{\"Psk\": " + json_quoted(ike.psk) +
         ", \"IkeVersion\": " + json_word(model::kIkeVersions, ike.version) +
         ", \"IkeMode\": " + json_word(model::kIkeModes, ike.mode) +
         ", \"IkeEncAlg\": " + json_word(model::kIkeEncryptions, ike.encryption) +
         ", \"IkeAuthAlg\": " + json_word(model::kIntegrities, ike.integrity) +
         ", \"IkePfs\": " + json_word(model::kDhGroups, ike.dh_group) +
         ", \"IkeLifetime\": " + std::to_string(ike.lifetime_seconds) +
         ", \"LocalId\": " + json_quoted(device.local_id) +
         ", \"RemoteId\": " + json_quoted(device.remote_id) + "}";
}

std::string ipsec_object(const model::IpsecConfig& ipsec) {
  return "{\"IpsecEncAlg\": " + json_word(model::kIpsecEncryptions, ipsec.encryption) +
         ", \"IpsecAuthAlg\": " + json_word(model::kIntegrities, ipsec.integrity) +
         ", \"IpsecPfs\": " + json_word(model::kPfsGroups, ipsec.pfs_group) +
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
