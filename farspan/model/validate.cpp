// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/validate.h"

#include "farspan/model/faults.h"
#include "farspan/model/limits.h"
#include "farspan/model/touched.h"
#include "farspan/net/reserved.h"

namespace farspan::model {

Errors validate(const Model& model, const Model& before) {
  Faults faults(model, before);
  check_names(model, faults);
  check_bounds(model, faults);
  check_nodes(model, faults);
  check_networks(model, faults);
  check_instances(model, faults);
  check_security_groups(model, faults);
  check_vpn_gateways(model, faults);
  check_ipsec_connections(model, faults);
  check_vpn_routes(model, faults);
  check_cens(model, faults);
  check_overlaps(model, faults);
  return std::move(faults).in_order();
}

Errors validate_change(const Model& before, const Users& users, const Claims& claims,
                       const Model& after, const std::vector<ResourceId>& changed) {
  const auto part = touched_by(before, users, claims, after, changed);
  if (part && validate(*part).empty()) return {};
  return validate(after, before);
}

bool is_usable_prefix(const Owner& owner, const std::string& field, const net::Prefix& prefix,
                      Faults& faults) {
  if (prefix.family() != net::Family::kIpv4) {
    faults.add(owner, field, prefix.text() + " is IPv6",
               "give an IPv4 prefix; networks are IPv4 only");
    return false;
  }
  if (const net::ReservedRange* range = net::reserved_overlap(prefix)) {
    faults.add(owner, field,
               prefix.text() + " overlaps " + range->prefix.text() + " (" + range->use + ")",
               "choose a prefix outside it, best a private one: 10.0.0.0/8, 172.16.0.0/12, "
               "192.168.0.0/16");
    return false;
  }
  return true;
}

std::string shown(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, limits::kNameLength + 1))
    out += (c < 0x20 || c > 0x7e) ? '?' : c;
  return "\"" + out + "\"";
}

std::string listed(const std::vector<net::Prefix>& prefixes) {
  std::string text;
  for (const net::Prefix& prefix : prefixes) text += (text.empty() ? "" : ", ") + prefix.text();
  return text;
}

std::string indexed(const char* field, size_t index) {
  return std::string(field) + "[" + std::to_string(index) + "]";
}

}  // namespace farspan::model
