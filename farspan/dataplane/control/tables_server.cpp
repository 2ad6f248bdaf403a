// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/tables_server.h"

#include <algorithm>

#include "farspan/net/address.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {
namespace {

constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17;

Error wrong_request(std::string what) {
  return {ErrorCode::kInvalid, "tables request", "", std::move(what), "speak tables.proto"};
}

const char* word_for(FlowState state) {
  switch (state) {
    case FlowState::kFree:
      break;
    case FlowState::kOneWay:
      return "one-way";
    case FlowState::kAnswered:
      return "answered";
    case FlowState::kTcpOpening:
      return "opening";
    case FlowState::kTcpEstablished:
      return "established";
    case FlowState::kTcpClosing:
      return "closing";
  }
  return "free";
}

std::string end_text(uint32_t address, uint16_t port, uint8_t protocol) {
  const bool has_port = protocol == kTcp || protocol == kUdp || protocol == kIcmp;
  return net::Address::v4(address).text() + (has_port ? ":" + std::to_string(port) : "");
}

template <class Row>
void write_interface(const InterfaceCounters& counters, Row* row) {
  row->set_packets_in(counters.packets_in.value());
  row->set_bytes_in(counters.bytes_in.value());
  row->set_packets_out(counters.packets_out.value());
  row->set_bytes_out(counters.bytes_out.value());
}

void write_tables(const Tables& tables, v1::Tables* reply) {
  reply->set_generation(tables.generation);
  for (const PortEntry& port : tables.ports) {
    if (!port.is_vacant && port.tap) reply->add_ports(port.id.value());
  }
}

void write_path(const PathReport& path, v1::TunnelCounters* row) {
  if (path.origin == MtuOrigin::kUnknown) return;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::steady_clock::now().time_since_epoch());
  const auto seconds = static_cast<uint64_t>(now.count());
  row->mutable_path()->set_mtu(path.mtu);
  row->mutable_path()->set_route_mtu(path.route_mtu);
  row->mutable_path()->set_origin(std::string(word_of(path.origin)));
  row->mutable_path()->set_seconds_ago(seconds - std::min(seconds, path.since_seconds));
}

void write_counters(const Tables& tables, const std::vector<const NodeCounters*>& workers,
                    v1::Counters* reply) {
  const auto add = [&](std::string name, auto counter) {
    uint64_t sum = 0;
    for (const NodeCounters* worker : workers) sum += worker->value(counter);
    v1::CounterValue* row = reply->add_counters();
    row->set_name(std::move(name));
    row->set_value(sum);
  };
  for (size_t i = 0; i < kCounterNames.size(); ++i) {
    add(std::string(kCounterNames[i]), static_cast<Counter>(i));
  }
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    add("drop." + std::string(row_of(reason).name), reason);
  }
  for (const PortEntry& port : tables.ports) {
    if (port.is_vacant) continue;
    v1::PortCounters* row = reply->add_ports();
    row->set_port(port.id.value());
    write_interface(*port.counters, row);
  }
  for (const TunnelEntry& tunnel : tables.tunnels) {
    if (tunnel.is_vacant) continue;
    v1::TunnelCounters* row = reply->add_tunnels();
    row->set_tunnel(tunnel.id.value());
    write_interface(*tunnel.counters, row);
    write_path(tunnel.path->report(), row);
  }
}

void write_sas(const std::vector<SaRow>& sas, v1::Sas* reply) {
  for (const SaRow& sa : sas) {
    v1::Sa* row = reply->add_sas();
    row->set_spi(sa.spi);
    row->set_is_inbound(sa.is_inbound);
    row->set_packets(sa.packets);
    row->set_bytes(sa.bytes);
  }
}

void write_flows(const FlowsCopy& copy, v1::Flows* reply) {
  reply->set_total(copy.total);
  for (const Flow& flow : copy.flows) {
    const FlowKey key = flow.key();
    v1::Flow* row = reply->add_flows();
    row->set_domain(key.domain.value());
    row->set_protocol(key.protocol);
    row->set_source(end_text(key.source, key.source_port, key.protocol));
    row->set_destination(end_text(key.destination, key.destination_port, key.protocol));
    row->set_state(word_for(flow.state));
    row->set_packets(flow.counters[0].packets + flow.counters[1].packets);
    row->set_bytes(flow.counters[0].bytes + flow.counters[1].bytes);
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(copy.now - flow.created);
    row->set_age_seconds(static_cast<uint64_t>(std::max<int64_t>(age.count(), 0)));
  }
}

void write_owner(const FlowOwner& owner, v1::FlowShare* row) {
  switch (owner.kind()) {
    case FlowOwner::Kind::kOthers:
      return;
    case FlowOwner::Kind::kPort:
      return row->set_port(owner.id());
    case FlowOwner::Kind::kOffice:
      return row->set_office(owner.id());
    case FlowOwner::Kind::kLink:
      row->set_link(owner.id());
      row->set_vrf(owner.vrf());
      row->set_group(owner.group());
  }
}

void write_flow_shares(const FlowSharesCopy& copy, v1::FlowShares* reply) {
  reply->set_flows(copy.flows);
  reply->set_capacity(copy.capacity);
  for (const FlowShareRow& share : copy.top) {
    v1::FlowShare* row = reply->add_shares();
    write_owner(share.owner, row);
    row->set_flows(share.flows);
    row->set_weak(share.weak);
    row->set_opened_last_second(share.opened_last_second);
    row->set_opened(share.opened);
    row->set_refused(share.refused);
    row->set_evicted(share.evicted);
  }
}

}  // namespace

TablesServer::TablesServer(TableBuilder& builder, Published<Tables>& tables,
                           std::vector<const NodeCounters*> counters, TablesSources sources)
    : builder_(builder),
      tables_(tables),
      counters_(std::move(counters)),
      sources_(std::move(sources)) {}

std::string TablesServer::serve(Message message) {
  v1::TablesRequest request;
  v1::TablesReply reply;
  Status status = ok();
  if (!request.ParseFromString(message.bytes)) {
    status = wrong_request("is malformed");
  } else if (!request.has_batch() && !message.fds.empty()) {
    status = wrong_request("comes with descriptors and has no port rows");
  } else {
    status = answer(request, std::move(message.fds), reply);
  }
  if (!status) {
    reply.Clear();
    reply.set_error(status.error().text());
  }
  return reply.SerializeAsString();
}

Status TablesServer::answer(const v1::TablesRequest& request, std::vector<UniqueFd> fds,
                            v1::TablesReply& reply) {
  switch (request.request_case()) {
    case v1::TablesRequest::kBatch: {
      Result<std::unique_ptr<const Tables>> next = builder_.apply(request.batch(), std::move(fds));
      if (!next) return next.error();
      publish(std::move(*next));
      reply.mutable_batch()->set_generation(tables_.current().generation);
      return ok();
    }
    case v1::TablesRequest::kGetTables:
      write_tables(tables_.current(), reply.mutable_tables());
      return ok();
    case v1::TablesRequest::kGetCounters:
      write_counters(tables_.current(), counters_, reply.mutable_counters());
      return ok();
    case v1::TablesRequest::kGetSas:
      write_sas(sources_.sas(), reply.mutable_sas());
      return ok();
    case v1::TablesRequest::kGetFlows: {
      const uint32_t limit = request.get_flows().limit();
      const Result<FlowsCopy> copy = sources_.flows(limit == 0 ? FlowRequest::kMaxFlows : limit);
      if (!copy) return copy.error();
      write_flows(*copy, reply.mutable_flows());
      return ok();
    }
    case v1::TablesRequest::kGetFlowShares: {
      const Result<FlowSharesCopy> copy = sources_.flow_shares(request.get_flow_shares().limit());
      if (!copy) return copy.error();
      write_flow_shares(*copy, reply.mutable_flow_shares());
      return ok();
    }
    case v1::TablesRequest::REQUEST_NOT_SET:
      break;
  }
  return wrong_request("asks for nothing this data plane knows");
}

void TablesServer::tap_died(PortId port, const UniqueFd* device) {
  if (auto next = builder_.drop_tap(port, device)) publish(std::move(next));
}

void TablesServer::publish(std::unique_ptr<const Tables> next) {
  tables_.publish(std::move(next));
  sources_.published();
}

}  // namespace farspan::dataplane
