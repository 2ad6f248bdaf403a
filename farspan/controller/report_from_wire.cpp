// SPDX-License-Identifier: Apache-2.0
#include "farspan/controller/report_from_wire.h"

#include "farspan/v1/node_session.pb.h"

namespace farspan::controller {
namespace {

constexpr size_t kMaxWords = 1024;  // bytes

std::vector<std::string> all_words_from(
    const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<std::string> words;
  for (const auto& text : texts) words.push_back(words_from(text));
  return words;
}

ChildSaReport child_from(const v1::ChildSa& message) {
  ChildSaReport child;
  child.unique_id = words_from(message.unique_id());
  child.state = words_from(message.state());
  child.spi_in = message.spi_in();
  child.spi_out = message.spi_out();
  child.bytes_in = message.bytes_in();
  child.bytes_out = message.bytes_out();
  child.packets_in = message.packets_in();
  child.packets_out = message.packets_out();
  child.age_seconds = message.age_seconds();
  child.local_subnets = all_words_from(message.local_subnets());
  child.remote_subnets = all_words_from(message.remote_subnets());
  return child;
}

TunnelReport tunnel_from(const v1::TunnelStatus& message) {
  TunnelReport tunnel;
  tunnel.tunnel = message.tunnel();
  tunnel.ike_state = words_from(message.ike_state());
  tunnel.child_state = words_from(message.child_state());
  tunnel.local = words_from(message.local());
  tunnel.remote = words_from(message.remote());
  tunnel.ike_algorithms = words_from(message.ike_algorithms());
  tunnel.esp_algorithms = words_from(message.esp_algorithms());
  tunnel.ike_id = words_from(message.ike_id());
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
  if (message.has_path()) {
    const auto& path = message.path();
    tunnel.path =
        PathMtuReport{path.mtu(), path.route_mtu(), words_from(path.origin()), path.seconds_ago()};
  }
  return tunnel;
}

FlowUser user_from(const v1::FlowUser& message) {
  FlowUser user;
  if (message.has_port()) {
    user.kind = FlowUser::Kind::kPort;
    user.id = message.port();
  } else if (message.has_office()) {
    user.kind = FlowUser::Kind::kOffice;
    user.id = message.office();
  } else if (message.has_link()) {
    user.kind = FlowUser::Kind::kLink;
    user.id = message.link();
  }
  user.vrf = message.vrf();
  user.group = message.group();
  user.flows = message.flows();
  user.weak = message.weak();
  user.opened_last_second = message.opened_last_second();
  user.opened = message.opened();
  user.refused = message.refused();
  user.evicted = message.evicted();
  return user;
}

}  // namespace

std::string words_from(const std::string& text) {
  std::string words;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    const size_t length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;  // RFC 3629 §3
    if (words.size() + length > kMaxWords) break;
    const bool is_c1 = byte == 0xc2 && next >= 0x80 && next < 0xa0;  // U+009B begins a command too
    if (is_c1) ++i;
    words += is_c1 || byte < 0x20 || byte == 0x7f ? '?' : text[i];
  }
  return words;
}

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
    status.counters.push_back({words_from(counter.name()), counter.value()});
  for (const auto& port : message.ports())
    status.ports.push_back(
        {port.port(), port.packets_in(), port.bytes_in(), port.packets_out(), port.bytes_out()});
  if (message.has_flow_use()) {
    FlowUse& use = status.flow_use.emplace();
    use.flows = message.flow_use().flows();
    use.capacity = message.flow_use().capacity();
    for (const auto& user : message.flow_use().users()) use.users.push_back(user_from(user));
  }
  return status;
}

}  // namespace farspan::controller
