// SPDX-License-Identifier: Apache-2.0
#include "farspan/compiler/export_swanctl.h"

#include "farspan/compiler/device.h"
#include "farspan/compiler/proposals.h"

namespace farspan::compiler {
namespace {

// A string in swanctl.conf: in quotes, where '"' and '\' are escaped.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string base64(const std::string& bytes) {  // RFC 4648 §4
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (size_t k = 0; k < 4; ++k)
      out += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

// swanctl takes secrets that start with 0x or 0s for hexadecimal and base64: such a key is written
// as base64.
std::string secret(const std::string& psk) {
  const bool looks_encoded = psk.starts_with("0x") || psk.starts_with("0s");
  return looks_encoded ? "0s" + base64(psk) : quoted(psk);
}

// The gateway renews at nine tenths of a lifetime; the device a little later, so that they seldom
// do it at once.
uint32_t renewal(uint32_t lifetime_seconds) { return lifetime_seconds - lifetime_seconds / 20; }

class Text {
 public:
  Text& line(const std::string& text) {
    if (text.starts_with("}")) depth_ -= 1;
    out_ += std::string(text.empty() ? 0 : static_cast<size_t>(2 * depth_), ' ') + text + "\n";
    if (text.ends_with("{")) depth_ += 1;
    return *this;
  }
  Text& set(const std::string& key, const std::string& value) { return line(key + " = " + value); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  int depth_ = 0;
};

void write_child(const Device& device, Text& text) {
  const model::IpsecConnection& connection = *device.connection;
  const uint32_t lifetime = connection.ipsec.lifetime_seconds;
  text.line("children {").line(connection.meta.name + " {");
  text.line("# The office's networks, and what lies behind the gateway.");
  text.set("local_ts", comma_separated(device.local_subnets()));
  text.set("remote_ts", comma_separated(device.remote_subnets()));
  text.set("esp_proposals", esp_proposal(connection, EsnOffer::kNotSaid));
  text.set("rekey_time", std::to_string(renewal(lifetime)) + "s");
  text.set("life_time", std::to_string(lifetime) + "s");
  text.line("# Both ends start; whichever is heard first wins.");
  text.set("start_action", "start");
  if (connection.has_dpd) text.set("dpd_action", "restart");
  text.line("}").line("}");
}

void write_connection(const Device& device, Text& text) {
  const model::IpsecConnection& connection = *device.connection;
  const model::IkeConfig& ike = connection.ike;
  text.line("connections {").line(connection.meta.name + " {");
  text.set("version", ike.version == model::IkeVersion::kIkev1 ? "1" : "2");
  if (ike.version == model::IkeVersion::kIkev1 && ike.mode == model::IkeMode::kAggressive)
    text.set("aggressive", "yes");
  text.line("# Any address of this device: behind NAT it does not have " + device.local.text() +
            " itself.");
  text.set("local_addrs", "%any");
  text.set("remote_addrs", device.remote.text());
  text.line("# Exactly what the gateway expects; it accepts nothing else.");
  text.set("proposals", ike_proposal(ike));
  text.set("rekey_time", std::to_string(renewal(ike.lifetime_seconds)) + "s");
  text.set("over_time", std::to_string(ike.lifetime_seconds - renewal(ike.lifetime_seconds)) + "s");
  text.set("keyingtries", "0");
  text.set("mobike", "no");
  if (connection.has_dpd) text.set("dpd_delay", "10s");
  text.line("local {").set("auth", "psk").set("id", quoted(device.local_id)).line("}");
  text.line("remote {").set("auth", "psk").set("id", quoted(device.remote_id)).line("}");
  write_child(device, text);
  text.line("}").line("}");
}

}  // namespace

Result<std::string> export_swanctl(const model::Model& model, const std::string& name) {
  const Result<Device> device = device_of(model, name);
  if (!device) return device.error();
  const std::string path = "/etc/swanctl/conf.d/" + name + ".conf";
  Text text;
  text.line("# IpsecConnection " + name + " of Vpc " + device->vpc +
            ", set up from the office's side.");
  text.line("# For strongSwan 5.9 or newer: save it as " + path + " and run");
  text.line("#   swanctl --load-all");
  text.line("# It holds the pre-shared key: let nobody but root read it.");
  text.line("");
  write_connection(*device, text);
  text.line("");
  text.line("secrets {").line("ike-" + name + " {");
  text.set("id-office", quoted(device->local_id));
  text.set("id-gateway", quoted(device->remote_id));
  text.set("secret", secret(device->connection->ike.psk));
  text.line("}").line("}");
  return text.take();
}

}  // namespace farspan::compiler
