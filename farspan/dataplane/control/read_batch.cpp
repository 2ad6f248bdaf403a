// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/control/read_batch.h"

#include <algorithm>
#include <set>

#include "farspan/dataplane/control/read_routes.h"
#include "farspan/dataplane/control/row_values.h"
#include "farspan/v1/tables.pb.h"

namespace farspan::dataplane {
namespace {

constexpr uint32_t kDefaultMtu = 1500;
constexpr uint32_t kMinMtu = 68;  // RFC 791 §3.2
constexpr uint32_t kMaxMtu = 65535;

// Rows of one batch, one after the other; the first fault ends it.
class BatchReader {
 public:
  BatchReader(Intent& intent, std::vector<UniqueFd> fds) : intent_(intent), fds_(std::move(fds)) {}

  Status read(const v1::TablesBatch& batch) {
    const auto carries_fd = [](const v1::PortRow& row) { return row.has_fd(); };
    const auto wanted = std::count_if(batch.ports().begin(), batch.ports().end(), carries_fd);
    if (static_cast<size_t>(wanted) != fds_.size()) {
      return row_error("batch", "ports",
                       std::to_string(wanted) + " rows have a descriptor, and " +
                           std::to_string(fds_.size()) + " came with the batch",
                       "send one for each port row with has_fd");
    }
    if (batch.is_snapshot()) {
      if (Status status = keep_only(batch); !status) return status;
    }
    remove(batch);
    for (const auto& row : batch.vrfs()) {
      if (Status status = read_vrf(row); !status) return status;
    }
    for (const auto& row : batch.security_groups()) {
      if (Status status = read_group(row); !status) return status;
    }
    for (const auto& row : batch.tunnels()) {
      if (Status status = read_tunnel(row); !status) return status;
    }
    for (const auto& row : batch.ports()) {
      if (Status status = read_port(row); !status) return status;
    }
    return read_routes(batch, intent_);
  }

 private:
  // Takes away what a snapshot does not have; what it has keeps its place, counters and descriptor.
  Status keep_only(const v1::TablesBatch& batch) {
    if (batch.removed_vrfs_size() + batch.removed_ports_size() + batch.removed_tunnels_size() +
            batch.removed_security_groups_size() + batch.removed_routes_size() >
        0) {
      return row_error("batch", "is_snapshot", "comes with removals",
                       "leave out of a snapshot what is to go");
    }
    const auto keep = [](auto& rows, const auto& wanted) {
      using Id = std::decay_t<decltype(rows.all().begin()->first)>;
      std::set<Id> ids;
      for (const auto& row : wanted) ids.insert(Id(row.id()));
      std::vector<Id> gone;
      for (const auto& [id, row] : rows.all()) {
        if (!ids.contains(id)) gone.push_back(id);
      }
      for (const Id id : gone) rows.erase(id);
    };
    keep(intent_.vrfs, batch.vrfs());
    keep(intent_.groups, batch.security_groups());
    keep(intent_.tunnels, batch.tunnels());
    keep(intent_.ports, batch.ports());
    return ok();
  }

  void remove(const v1::TablesBatch& batch) {
    for (const uint32_t id : batch.removed_ports()) intent_.ports.erase(PortId(id));
    for (const uint32_t id : batch.removed_tunnels()) intent_.tunnels.erase(TunnelId(id));
    for (const uint32_t id : batch.removed_security_groups()) intent_.groups.erase(id);
    for (const uint32_t id : batch.removed_vrfs()) intent_.vrfs.erase(VrfId(id));
  }

  Status read_vrf(const v1::Vrf& row) {
    const std::string name = row_name("vrf", row.id());
    if (Status status = once(seen_vrfs_, name, row.id()); !status) return status;
    Result<uint32_t> router = address(name, "router", row.router());
    if (!router) return router.error();
    if (!is_label(row.label())) return label_out_of_range(name, "label", row.label());
    VrfRow& vrf = intent_.vrfs.write(VrfId(row.id()));
    vrf.router = *router;
    vrf.label = row.label();
    vrf.domain = FlowDomain(row.flow_domain() == 0 ? row.id() : row.flow_domain());
    return ok();
  }

  Status read_group(const v1::SecurityGroup& row) {
    const std::string name = row_name("security group", row.id());
    if (Status status = once(seen_groups_, name, row.id()); !status) return status;
    GroupRow group;
    for (const bool is_ingress : {true, false}) {
      const auto& rules = is_ingress ? row.ingress() : row.egress();
      for (int i = 0; i < rules.size(); ++i) {
        const std::string field = (is_ingress ? "ingress[" : "egress[") + std::to_string(i) + "]";
        Result<Rule> rule = read_rule(name, field, rules[i]);
        if (!rule) return rule.error();
        (is_ingress ? group.ingress : group.egress).push_back(*rule);
      }
    }
    intent_.groups.write(row.id()) = std::move(group);
    return ok();
  }

  Result<Rule> read_rule(const std::string& name, const std::string& field, const v1::Rule& row) {
    if (row.protocol() > 255) {
      return row_error(name, field + ".protocol", std::to_string(row.protocol()) + " is above 255");
    }
    if (row.port_low() > row.port_high() || row.port_high() > 65535) {
      return row_error(name, field + ".port_low",
                       std::to_string(row.port_low()) + " to " + std::to_string(row.port_high()) +
                           " is no range of ports");
    }
    if (row.priority() > 65535) {
      return row_error(name, field + ".priority",
                       std::to_string(row.priority()) + " is above 65535");
    }
    Result<Prefix4> peer = prefix(name, field + ".peer", row.peer());
    if (!peer) return peer.error();
    return Rule{static_cast<uint8_t>(row.protocol()),
                static_cast<uint16_t>(row.port_low()),
                static_cast<uint16_t>(row.port_high()),
                peer->address,
                peer->length,
                row.is_drop() ? RuleVerdict::kDrop : RuleVerdict::kAccept,
                static_cast<uint16_t>(row.priority())};
  }

  Status read_tunnel(const v1::TunnelRow& row) {
    const std::string name = row_name("tunnel", row.id());
    if (Status status = once(seen_tunnels_, name, row.id()); !status) return status;
    uint32_t remote = 0;
    if (!row.remote().empty()) {
      Result<uint32_t> parsed = address(name, "remote", row.remote());
      if (!parsed) return parsed.error();
      remote = *parsed;
    }
    if (row.is_link() && row.vrf() != 0) {
      return row_error(name, "vrf", std::to_string(row.vrf()) + " has no meaning on a link",
                       "leave it 0: the label says which VRF");
    }
    Result<TunnelBounds> bounds = read_bounds(name, row);
    if (!bounds) return bounds.error();
    if (row.mtu() != 0 && (row.mtu() < TunnelPath::kLeast || row.mtu() > TunnelPath::kMost)) {
      return row_error(name, "mtu", std::to_string(row.mtu()) + " is no size of packets",
                       "use 576 to 65535, or 0 when none is declared");
    }
    TunnelRow& tunnel = intent_.tunnels.write(TunnelId(row.id()));
    tunnel.is_link = row.is_link();
    tunnel.vrf = VrfId(row.vrf());
    tunnel.remote = remote;
    tunnel.mtu = static_cast<uint16_t>(row.mtu() != 0 ? row.mtu() : TunnelPath::kMost);
    if (!tunnel.counters) {
      tunnel.counters = std::make_shared<InterfaceCounters>();
      tunnel.path = std::make_shared<TunnelPath>();
    }
    if (!tunnel.bounds || *tunnel.bounds != *bounds)
      tunnel.bounds = std::make_shared<const TunnelBounds>(std::move(*bounds));
    return ok();
  }

  static Result<TunnelBounds> read_bounds(const std::string& name, const v1::TunnelRow& row) {
    if (row.labels_size() > 0 && !row.is_link())
      return row_error(name, "labels", "have no meaning on an office's tunnel", "leave them out");
    if (row.feasible_sources_size() > 0 && row.is_link())
      return row_error(name, "feasible_sources", "have no meaning on a link", "leave them out");
    for (const uint32_t label : row.labels()) {
      if (!is_label(label)) return label_out_of_range(name, "labels", label);
    }
    std::vector<Prefix4> sources;
    for (const std::string& text : row.feasible_sources()) {
      Result<Prefix4> source = prefix(name, "feasible_sources", text);
      if (!source) return source.error();
      sources.push_back(*source);
    }
    return TunnelBounds({row.labels().begin(), row.labels().end()}, std::move(sources));
  }

  Status read_port(const v1::PortRow& row) {
    const std::string name = row_name("port", row.id());
    if (Status status = once(seen_ports_, name, row.id()); !status) return status;
    Result<uint32_t> own = address(name, "address", row.address());
    if (!own) return own.error();
    Result<uint32_t> gateway = address(name, "gateway", row.gateway());
    if (!gateway) return gateway.error();
    Result<Prefix4> subnet = prefix(name, "subnet", row.subnet());
    if (!subnet) return subnet.error();
    for (const auto& [field, value] :
         {std::pair("address", *own), std::pair("gateway", *gateway)}) {
      if (!subnet->contains(value)) {
        return row_error(name, field, text_of({value, 32}) + " is outside subnet " + row.subnet());
      }
    }
    if (row.mac().size() != 6 || (row.mac()[0] & 1) != 0) {
      return row_error(name, "mac", "is no unicast address of six bytes");
    }
    const uint32_t mtu = row.mtu() == 0 ? kDefaultMtu : row.mtu();
    if (mtu < kMinMtu || mtu > kMaxMtu) {
      return row_error(name, "mtu", std::to_string(mtu) + " is not within 68 to 65535");
    }
    PortRow& port = intent_.ports.write(PortId(row.id()));
    port.vrf = VrfId(row.vrf());
    port.address = *own;
    std::copy(row.mac().begin(), row.mac().end(), reinterpret_cast<char*>(port.mac.data()));
    port.mtu = static_cast<uint16_t>(mtu);
    const std::set<uint32_t> groups(row.security_groups().begin(), row.security_groups().end());
    port.groups.assign(groups.begin(), groups.end());
    if (row.has_fd()) port.tap = std::make_shared<const UniqueFd>(std::move(fds_[next_fd_++]));
    if (!port.counters) port.counters = std::make_shared<InterfaceCounters>();
    return ok();
  }

  static Status once(std::set<uint32_t>& seen, const std::string& name, uint32_t id) {
    if (id == 0) return row_error(name, "id", "is missing", "number rows from 1");
    if (!seen.insert(id).second) return comes_twice(name);
    return ok();
  }

  Intent& intent_;
  std::vector<UniqueFd> fds_;
  size_t next_fd_ = 0;
  std::set<uint32_t> seen_vrfs_, seen_groups_, seen_tunnels_, seen_ports_;
};

}  // namespace

Status read_batch(const v1::TablesBatch& batch, std::vector<UniqueFd> fds, Intent& intent) {
  return BatchReader(intent, std::move(fds)).read(batch);
}

}  // namespace farspan::dataplane
