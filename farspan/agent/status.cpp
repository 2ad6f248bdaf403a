// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/status.h"

#include <map>
#include <utility>

#include "farspan/v1/node_session.pb.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::agent {
namespace {

// Inbound and outbound SAs may have one SPI: it is the receiver's choice (RFC 4301 §4.1).
using SaKey = std::pair<uint32_t, bool>;
using SaRows = std::map<SaKey, const v1::Sa*>;

v1::ChildSa message_of(const tunnels::ChildSaStatus& child, const SaRows& rows) {
  v1::ChildSa message;
  message.set_unique_id(child.unique_id);
  message.set_spi_in(child.spi_in);
  message.set_spi_out(child.spi_out);
  message.set_state(child.state);
  message.set_age_seconds(child.age_seconds);
  for (const auto& subnet : child.local_subnets) message.add_local_subnets(subnet);
  for (const auto& subnet : child.remote_subnets) message.add_remote_subnets(subnet);
  const auto inbound = rows.find({child.spi_in, true});
  const auto outbound = rows.find({child.spi_out, false});
  const bool is_in_known = inbound != rows.end(), is_out_known = outbound != rows.end();
  message.set_bytes_in(is_in_known ? inbound->second->bytes() : child.bytes_in);
  message.set_packets_in(is_in_known ? inbound->second->packets() : child.packets_in);
  message.set_bytes_out(is_out_known ? outbound->second->bytes() : child.bytes_out);
  message.set_packets_out(is_out_known ? outbound->second->packets() : child.packets_out);
  return message;
}

// The data plane counts inner packets per tunnel over all its SAs, so a rekey does not set them
// back; without it, the sum over the SAs there are.
void set_totals(v1::TunnelStatus& tunnel, const v1::TunnelCounters* counted) {
  v1::TunnelCounters total;
  if (counted != nullptr) total = *counted;
  for (const v1::ChildSa& child : tunnel.children()) {
    if (counted != nullptr) break;
    total.set_bytes_in(total.bytes_in() + child.bytes_in());
    total.set_bytes_out(total.bytes_out() + child.bytes_out());
    total.set_packets_in(total.packets_in() + child.packets_in());
    total.set_packets_out(total.packets_out() + child.packets_out());
  }
  tunnel.set_bytes_in(total.bytes_in());
  tunnel.set_bytes_out(total.bytes_out());
  tunnel.set_packets_in(total.packets_in());
  tunnel.set_packets_out(total.packets_out());
  if (!total.has_path()) return;
  v1::TunnelPathMtu& path = *tunnel.mutable_path();
  path.set_mtu(total.path().mtu());
  path.set_route_mtu(total.path().route_mtu());
  path.set_origin(total.path().origin());
  path.set_seconds_ago(total.path().seconds_ago());
}

void fill(v1::TunnelStatus& message, const tunnels::TunnelStatus& status, const SaRows& rows,
          const v1::TunnelCounters* counted) {
  message.set_tunnel(status.tunnel.value());
  message.set_ike_state(status.ike_state());
  message.set_child_state(status.child_state());
  message.set_local(status.local);
  message.set_remote(status.remote);
  message.set_ike_algorithms(status.ike_algorithms);
  message.set_esp_algorithms(status.esp_algorithms);
  message.set_is_nat_detected(status.is_nat_detected);
  message.set_ike_age_seconds(status.ike_age_seconds);
  message.set_child_age_seconds(status.child_age_seconds);
  if (status.last_packet_in_seconds_ago)
    message.set_last_packet_in_seconds_ago(*status.last_packet_in_seconds_ago);
  message.set_ike_id(status.ike_id);
  if (status.problem) {
    auto& problem = *message.mutable_problem();
    problem.set_cause(status.problem->cause);
    problem.set_words(status.problem->words);
    problem.set_remedy(status.problem->remedy);
    problem.set_seconds_ago(status.problem->seconds_ago);
  }
  for (const auto& child : status.children) *message.add_children() = message_of(child, rows);
  set_totals(message, counted);
}

}  // namespace

v1::NodeStatus status_of(const TunnelReport& tunnels, const v1::Counters& counters,
                         const v1::Sas& sas, bool is_dataplane_up) {
  v1::NodeStatus status;
  status.set_is_dataplane_up(is_dataplane_up);
  status.set_is_charon_up(tunnels.is_charon_up);
  SaRows rows;
  for (const v1::Sa& sa : sas.sas()) rows.emplace(SaKey{sa.spi(), sa.is_inbound()}, &sa);
  std::map<uint32_t, const v1::TunnelCounters*> counted;
  for (const auto& tunnel : counters.tunnels()) counted.emplace(tunnel.tunnel(), &tunnel);
  for (const auto& tunnel : tunnels.statuses) {
    const auto count = counted.find(tunnel.tunnel.value());
    fill(*status.add_tunnels(), tunnel, rows, count == counted.end() ? nullptr : count->second);
  }
  for (const auto& counter : counters.counters()) {
    auto& to = *status.add_counters();
    to.set_name(counter.name());
    to.set_value(counter.value());
  }
  for (const auto& port : counters.ports()) {
    auto& to = *status.add_ports();
    to.set_port(port.port());
    to.set_packets_in(port.packets_in());
    to.set_bytes_in(port.bytes_in());
    to.set_packets_out(port.packets_out());
    to.set_bytes_out(port.bytes_out());
  }
  return status;
}

void set_flow_use(v1::NodeStatus& status, const v1::FlowShares& shares) {
  v1::FlowUse& use = *status.mutable_flow_use();
  use.set_flows(shares.flows());
  use.set_capacity(shares.capacity());
  for (const v1::FlowShare& share : shares.shares()) {
    v1::FlowUser& user = *use.add_users();
    if (share.has_port()) user.set_port(share.port());
    if (share.has_office()) user.set_office(share.office());
    if (share.has_link()) user.set_link(share.link());
    user.set_vrf(share.vrf());
    user.set_group(share.group());
    user.set_flows(share.flows());
    user.set_weak(share.weak());
    user.set_opened_last_second(share.opened_last_second());
    user.set_opened(share.opened());
    user.set_refused(share.refused());
    user.set_evicted(share.evicted());
  }
}

v1::NodeStatus ask_status(TablesApplier& tables, const TunnelReport& tunnels,
                          Clock::time_point now) {
  constexpr uint32_t kUsersTold = 32;
  v1::TablesRequest for_counters, for_sas, for_flow_shares;
  for_counters.mutable_get_counters();
  for_sas.mutable_get_sas();
  for_flow_shares.mutable_get_flow_shares()->set_limit(kUsersTold);
  v1::Counters counters;
  v1::Sas sas;
  if (auto reply = tables.ask(for_counters, {}, now)) counters.Swap(reply->mutable_counters());
  if (auto reply = tables.ask(for_sas, {}, now)) sas.Swap(reply->mutable_sas());
  // A worker that is too busy to say is asked again with the next status.
  const auto shares = tables.ask(for_flow_shares, {}, now);
  v1::NodeStatus status = status_of(tunnels, counters, sas, tables.is_connected());
  if (shares && shares->has_flow_shares()) set_flow_use(status, shares->flow_shares());
  return status;
}

}  // namespace farspan::agent
