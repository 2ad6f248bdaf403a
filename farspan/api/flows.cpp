// SPDX-License-Identifier: Apache-2.0
// flows: who uses the flow tables of the nodes, in the words of the model.
#include <algorithm>

#include "farspan/api/json.h"
#include "farspan/api/resource_status.h"

namespace farspan::api {
namespace {

using controller::FlowUser;

// What a node names by number, as it was declared; nothing for what is not any more.
class Names {
 public:
  explicit Names(const nodestate::NodeState& state) : state_(state) {}

  void write(const FlowUser& user, Json& row) const {
    switch (user.kind) {
      case FlowUser::Kind::kPort: {
        const auto port = state_.ports.find(nodestate::PortId(user.id));
        const bool is_known = port != state_.ports.end();
        return name(row, "Instance", is_known ? port->second.instance : "",
                    is_known ? vpc(port->second.vrf) : Json());
      }
      case FlowUser::Kind::kOffice: {
        const auto* office = use_of<nodestate::OfficeTunnel>(user.id);
        return name(row, "IpsecConnection", office != nullptr ? office->connection : "",
                    office != nullptr ? vpc(office->vrf) : Json());
      }
      case FlowUser::Kind::kLink: {
        const auto* link = use_of<nodestate::LinkTunnel>(user.id);
        name(row, "Node", link != nullptr ? link->peer_node : "", vpc(nodestate::VrfId(user.vrf)));
        row["group"] = user.group;
        return;
      }
      case FlowUser::Kind::kOthers:
        return name(row, "others", "", Json());
    }
  }

 private:
  template <class Use>
  const Use* use_of(uint32_t tunnel) const {
    const auto found = state_.tunnels.find(nodestate::TunnelId(tunnel));
    return found == state_.tunnels.end() ? nullptr : std::get_if<Use>(&found->second.use);
  }
  Json vpc(nodestate::VrfId id) const {
    const auto vrf = state_.vrfs.find(id);
    return vrf == state_.vrfs.end() ? Json() : Json(vrf->second.vpc);
  }
  static void name(Json& row, const char* kind, const std::string& name, Json vpc) {
    row["kind"] = kind;
    row["name"] = name.empty() ? Json() : Json(name);
    row["vpc"] = std::move(vpc);
    row["group"] = nullptr;
  }
  const nodestate::NodeState& state_;
};

Json user_json(const Names& names, const FlowUser& user) {
  Json row;
  names.write(user, row);
  row["flows"] = user.flows;
  row["weak"] = user.weak;
  row["opened_last_second"] = user.opened_last_second;
  row["opened"] = user.opened;
  row["refused"] = user.refused;
  row["evicted"] = user.evicted;
  return row;
}

}  // namespace

Answer Rest::flows(const Request&, const PathValues&) const {
  const auto now = sources_.controller.published();
  const auto time = std::chrono::steady_clock::now();
  const ResourceStatus status(*now, sources_.reports, time);
  Json list = Json::array();
  for (const auto& [node, state] : now->states) {
    const auto report = sources_.reports.of(node);
    const auto& use = report->status->flow_use;
    const bool is_reported = use && status.is_up(*report, report->status->is_dataplane_up) == true;
    Json row = {{"node", node},
                {"reported", is_reported},
                {"flows", is_reported ? use->flows : 0},
                {"capacity", is_reported ? use->capacity : 0},
                {"users", Json::array()}};
    if (is_reported) {
      for (const FlowUser& user : use->users)
        row["users"].push_back(user_json(Names(*state), user));
    }
    list.push_back(std::move(row));
  }
  return json_answer({{"nodes", list}});
}

}  // namespace farspan::api
