// SPDX-License-Identifier: Apache-2.0
// Order inside a batch is the data plane's: removals, then upserts, seen as one change. Over
// batches: more descriptors than one message carries follow in batches of their own, after the rows
// they belong to.
#include "farspan/agent/apply_tables.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "farspan/nodestate/wire/wire.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::agent {
namespace {

namespace wire = nodestate::wire;

v1::PortRow row_of(nodestate::PortId id, const nodestate::Port& port, bool has_fd) {
  v1::PortRow row;
  row.set_id(id.value());
  row.set_vrf(port.vrf.value());
  row.set_address(port.address.text());
  row.set_gateway(port.gateway.text());
  row.set_subnet(port.subnet.text());
  row.set_mac(port.mac.bytes.data(), port.mac.bytes.size());
  for (const auto group : port.security_groups) row.add_security_groups(group.value());
  row.set_has_fd(has_fd);
  row.set_mtu(kPortMtu);
  return row;
}

v1::TunnelRow row_of(nodestate::TunnelId id, const nodestate::Tunnel& tunnel) {
  v1::TunnelRow row;
  row.set_id(id.value());
  row.set_remote(tunnel.ike.remote.text());
  row.set_mtu(tunnel.mtu);
  if (const auto* office = std::get_if<nodestate::OfficeTunnel>(&tunnel.use)) {
    row.set_vrf(office->vrf.value());
    for (const auto& prefix : office->feasible_sources) row.add_feasible_sources(prefix.text());
  } else {
    row.set_is_link(true);
    for (const auto label : std::get<nodestate::LinkTunnel>(tunnel.use).labels)
      row.add_labels(label.value());
  }
  return row;
}

// `all` in portions that one message can carry.
std::vector<PortFds> portions(PortFds all) {
  std::vector<PortFds> list(1);
  while (!all.empty()) {
    if (list.back().size() == MessageSocket::kMaxFds) list.emplace_back();
    list.back().insert(all.extract(all.begin()));
  }
  return list;
}

}  // namespace

v1::TablesBatch batch_of(const nodestate::Delta& delta, const PortFds& fds) {
  v1::TablesBatch batch;
  batch.set_is_snapshot(delta.is_snapshot);
  batch.set_generation(delta.to_generation);
  for (const auto id : delta.ports.removals) batch.add_removed_ports(id.value());
  for (const auto& key : delta.routes.removals) *batch.add_removed_routes() = wire::to_proto(key);
  for (const auto id : delta.tunnels.removals) batch.add_removed_tunnels(id.value());
  for (const auto id : delta.security_groups.removals)
    batch.add_removed_security_groups(id.value());
  for (const auto id : delta.vrfs.removals) batch.add_removed_vrfs(id.value());
  for (const auto& [id, vrf] : delta.vrfs.upserts) *batch.add_vrfs() = wire::to_proto(id, vrf);
  for (const auto& [id, group] : delta.security_groups.upserts)
    *batch.add_security_groups() = wire::to_proto(id, group);
  for (const auto& [id, tunnel] : delta.tunnels.upserts) *batch.add_tunnels() = row_of(id, tunnel);
  for (const auto& [id, port] : delta.ports.upserts)
    *batch.add_ports() = row_of(id, port, fds.contains(id));
  for (const auto& [key, hop] : delta.routes.upserts)
    *batch.add_routes() = wire::to_proto(key, hop);
  return batch;
}

void TablesApplier::connect(Clock::time_point now) {
  if (socket_ || !connecting_.is_due(now)) return;
  auto connected = MessageSocket::connect(path_);
  if (!connected) {
    connecting_.failed(now);
    failed(connected.error());
    return;
  }
  socket_.emplace(std::move(*connected));
  if (!refresh_live_ports(now)) return;
  connecting_.succeeded();
  programming_.succeeded();
  failure_.reset();
  spdlog::info("dataplane: connected; it holds {} ports", live_.size());
}

void TablesApplier::disconnect(Clock::time_point now) {
  if (!socket_) return;
  socket_.reset();
  in_force_.reset();
  live_.clear();
  connecting_.failed(now);
  failed({ErrorCode::kUnavailable, "", "", "the data plane closed its socket", ""});
}

bool TablesApplier::refresh_live_ports(Clock::time_point now) {
  v1::TablesRequest request;
  request.mutable_get_tables();
  auto reply = ask(request, {}, now);
  if (!reply) return false;
  live_.clear();
  for (const uint32_t id : reply->tables().ports()) live_.insert(nodestate::PortId(id));
  return true;
}

void TablesApplier::program(const nodestate::NodeState& target, PortFds fds,
                            Clock::time_point now) {
  const bool is_new = !in_force_ || in_force_->generation != target.generation;
  if (!socket_ || !programming_.is_due(now) || (!is_new && fds.empty())) return;
  auto delta = in_force_ ? nodestate::diff(*in_force_, target) : nodestate::snapshot(target);
  for (const PortFds& portion : portions(std::move(fds))) {
    for (const auto& [id, fd] : portion)
      delta.ports.upserts.insert_or_assign(id, target.ports.at(id));
    if (auto sent = send(delta, portion, now); !sent) {
      // Whatever it has now, the next attempt says everything anew.
      in_force_.reset();
      programming_.failed(now);
      failed(sent.error());
      if (socket_) refresh_live_ports(now);
      return;
    }
    for (const auto& [id, fd] : portion) live_.insert(id);
    delta = nodestate::diff(target, target);
  }
  std::erase_if(live_, [&](nodestate::PortId id) { return !target.ports.contains(id); });
  in_force_ = target;
  programming_.succeeded();
  failure_.reset();
}

Status TablesApplier::send(const nodestate::Delta& delta, const PortFds& fds,
                           Clock::time_point now) {
  v1::TablesRequest request;
  *request.mutable_batch() = batch_of(delta, fds);
  std::vector<int> numbers;
  for (const auto& [id, fd] : fds)
    numbers.push_back(fd.get());  // in the order of the rows: both are sorted by id
  auto reply = ask(request, numbers, now);
  if (!reply) return reply.error();
  return ok();
}

Result<v1::TablesReply> TablesApplier::ask(const v1::TablesRequest& request,
                                           const std::vector<int>& fds, Clock::time_point now) {
  if (!socket_)
    return Error{ErrorCode::kUnavailable, "", "", "the data plane is not connected", ""};
  if (auto sent = socket_->send(request.SerializeAsString(), fds); !sent) {
    disconnect(now);
    return sent.error();
  }
  auto answer = socket_->receive(kPatience);
  v1::TablesReply reply;
  if (!answer || !reply.ParseFromString(answer->bytes)) {
    disconnect(now);  // after a lost answer the next one would be taken for it
    return answer
               ? Error{ErrorCode::kUnavailable, "", "", "the data plane's answer is malformed", ""}
               : answer.error();
  }
  if (!reply.error().empty()) {
    return Error{ErrorCode::kInvalid, "", "", "refused: " + reply.error(),
                 "make agent and data plane the same version"};
  }
  return reply;
}

void TablesApplier::failed(const Error& error) {
  ItemFailure failure = failure_of("dataplane", error);
  if (failure.remedy.empty())
    failure.remedy = "see that farspan-dataplane runs; the agent tries again";
  if (failure_ != failure) spdlog::warn("dataplane: {}", failure.reason);
  failure_ = std::move(failure);
}

std::vector<ItemFailure> TablesApplier::failures() const {
  if (failure_) return {*failure_};
  return {};
}

Clock::time_point TablesApplier::next_attempt() const {
  if (!socket_) return connecting_.next();
  return in_force_ ? Clock::time_point::max() : programming_.next();
}

}  // namespace farspan::agent
