// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/report_from_wire.h"

#include <algorithm>

#include "farspan/v1/node_session.pb.h"

namespace farspan::controller {
namespace {

constexpr size_t kMaxWords = 1024;  // bytes

// A node's words go into logs and onto terminals, and a node may be anybody's by now.
std::string words_from(const std::string& text) {
  std::string words = text.substr(0, kMaxWords);
  std::replace_if(
      words.begin(), words.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return words;
}

ChildSaReport child_from(const v1::ChildSa& message) {
  ChildSaReport child;
  child.unique_id = message.unique_id();
  child.state = message.state();
  child.spi_in = message.spi_in();
  child.spi_out = message.spi_out();
  child.bytes_in = message.bytes_in();
  child.bytes_out = message.bytes_out();
  child.packets_in = message.packets_in();
  child.packets_out = message.packets_out();
  child.age_seconds = message.age_seconds();
  child.local_subnets = {message.local_subnets().begin(), message.local_subnets().end()};
  child.remote_subnets = {message.remote_subnets().begin(), message.remote_subnets().end()};
  return child;
}

TunnelReport tunnel_from(const v1::TunnelStatus& message) {
  TunnelReport tunnel;
  tunnel.tunnel = message.tunnel();
  tunnel.ike_state = message.ike_state();
  tunnel.child_state = message.child_state();
  tunnel.local = message.local();
  tunnel.remote = message.remote();
  tunnel.ike_algorithms = message.ike_algorithms();
  tunnel.esp_algorithms = message.esp_algorithms();
  tunnel.ike_id = message.ike_id();
  tunnel.is_nat_detected = message.is_nat_detected();
  tunnel.ike_age_seconds = message.ike_age_seconds();
  tunnel.child_age_seconds = message.child_age_seconds();
  tunnel.bytes_in = message.bytes_in();
  tunnel.bytes_out = message.bytes_out();
  tunnel.packets_in = message.packets_in();
  tunnel.packets_out = message.packets_out();
  if (message.has_last_packet_in_seconds_ago())
    tunnel.last_packet_in_seconds_ago = message.last_packet_in_seconds_ago();
  if (message.has_problem()) {
    const auto& problem = message.problem();
    tunnel.problem = TunnelProblem{words_from(problem.cause()), words_from(problem.words()),
                                   words_from(problem.remedy()), problem.seconds_ago()};
  }
  for (const auto& child : message.children()) tunnel.children.push_back(child_from(child));
  return tunnel;
}

}  // namespace

std::vector<ItemFailure> failures_from(const v1::InForce& message) {
  std::vector<ItemFailure> failures;
  for (const auto& failure : message.failures())
    failures.push_back(
        {words_from(failure.item()), words_from(failure.reason()), words_from(failure.remedy())});
  return failures;
}

NodeStatus status_from(const v1::NodeStatus& message) {
  NodeStatus status;
  status.is_dataplane_up = message.is_dataplane_up();
  status.is_charon_up = message.is_charon_up();
  for (const auto& tunnel : message.tunnels()) status.tunnels.push_back(tunnel_from(tunnel));
  for (const auto& counter : message.counters())
    status.counters.push_back({counter.name(), counter.value()});
  for (const auto& port : message.ports())
    status.ports.push_back(
        {port.port(), port.packets_in(), port.bytes_in(), port.packets_out(), port.bytes_out()});
  return status;
}

}  // namespace farspan::controller
