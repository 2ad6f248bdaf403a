// SPDX-License-Identifier: Apache-2.0
#include "farspan/model/touched.h"

#include <set>

namespace farspan::model {
namespace {

constexpr size_t kMostChanged = 500;  // more are looked at with everything else

// Kinds of which there are many and that nothing else stands on as a whole.
template <class Resource>
constexpr bool kIsLeaf =
    std::is_same_v<Resource, SecurityGroup> || std::is_same_v<Resource, Instance> ||
    std::is_same_v<Resource, CustomerGateway> || std::is_same_v<Resource, IpsecConnection> ||
    std::is_same_v<Resource, VpnRoute> || std::is_same_v<Resource, CenRoute>;

class Toucher {
 public:
  Toucher(const Model& before, Users users, Claims claims, const Model& after)
      : before_(before), users_(std::move(users)), claims_(std::move(claims)), after_(after) {}

  bool touch_all(const std::vector<ResourceId>& changed) {
    if (changed.size() > kMostChanged) return false;
    for (const ResourceId& id : changed) {
      with_resource(before_, id, [&](const auto& old) {
        users_.remove(old);
        claims_.remove(old);
      });
      with_resource(after_, id, [&](const auto& now) {
        users_.add(now);
        claims_.add(now);
      });
    }
    for (const ResourceId& id : changed) {
      with_resource(before_, id, [&](const auto& old) { touch_changed(id, old); });
      with_resource(after_, id, [&](const auto& now) { touch_changed(id, now); });
    }
    return has_part_;
  }
  Model take() { return std::move(part_); }

 private:
  // `state` is the resource as it was or as it is.
  template <class Resource>
  void touch_changed(const ResourceId& id, const Resource& state) {
    const Resource* old = before_.find<Resource>(id.name);
    const Resource* now = after_.find<Resource>(id.name);
    if (now != nullptr) add(*now);
    if (old != nullptr && now != nullptr) {
      Resource same = *old;
      same.meta = now->meta;
      if (same == *now) return;  // only its description
    }
    if constexpr (kIsLeaf<Resource>) {
      users_.for_each_id(id, [&](const ResourceId& user) { add(user); });
      touch(state);
    } else {
      has_part_ = false;
    }
  }

  template <class Resource>
  void touch(const Resource& resource) {
    for (const Claim& claim : claims_of(resource)) add_meeting(claim);
    touch_more(resource);
  }
  void touch_more(const SecurityGroup&) {}
  void touch_more(const Instance&) {}
  void touch_more(const VpnRoute&) {}
  void touch_more(const CenRoute&) {}
  // Who says nothing else is known by its address.
  void touch_more(const CustomerGateway& office) {
    users_.for_each_of<IpsecConnection, CustomerGateway>(
        after_, office.meta.name, [&](const auto& connection) { add_identities(connection); });
  }
  void touch_more(const IpsecConnection& connection) {
    add_identities(connection);
    users_.for_each_of<IpsecConnection, CustomerGateway>(after_, connection.customer_gateway,
                                                         [&](const auto& other) { add(other); });
    users_.for_each_of<VpnRoute, IpsecConnection>(after_, connection.meta.name,
                                                  [&](const auto& route) { touch(route); });
  }

  void add_identities(const IpsecConnection& connection) {
    const auto* office = after_.find<CustomerGateway>(connection.customer_gateway);
    std::string identity = connection.ike.remote_id;
    if (identity.empty() && office != nullptr) identity = office->address.text();
    add_meeting({Claim::Kind::kIdentity, {}, identity});
    claims_.for_each_meeting({Claim::Kind::kUnderlayAddress, {}, identity},
                             [&](const ResourceId& id) {
                               if (id.kind != kKindPosition<CustomerGateway>) return;
                               users_.for_each_of<IpsecConnection, CustomerGateway>(
                                   after_, id.name, [&](const auto& other) { add(other); });
                             });
  }

  void add_meeting(const Claim& claim) {
    claims_.for_each_meeting(claim, [&](const ResourceId& id) { add(id); });
  }

  // ---- into the part, with all that it stands on

  void add(const ResourceId& id) {
    if (added_.contains(id)) return;
    with_resource(after_, id, [&](const auto& resource) { add(resource); });
  }
  template <class Resource>
  void add(const Resource& resource) {
    if (!added_.insert(ResourceId::of(resource)).second) return;
    part_.all<Resource>().insert_or_assign(resource.meta.name, resource);
    for_each_reference(resource, [&](const ResourceId& target) { add(target); });
    add_beside(resource);
  }
  template <class Resource>
  void add_beside(const Resource&) {}
  void add_beside(const Vpc& vpc) {
    users_.for_each_of<CenAttachment, Vpc>(after_, vpc.meta.name,
                                           [&](const auto& attachment) { add(attachment); });
  }
  // The vSwitches of the gateway's Vpc go before its routes.
  void add_beside(const VpnGateway& gateway) {
    users_.for_each_of<VSwitch, Vpc>(after_, gateway.vpc,
                                     [&](const auto& vswitch) { add(vswitch); });
  }

  const Model& before_;
  Users users_;    // of after_
  Claims claims_;  // of after_
  const Model& after_;
  bool has_part_ = true;
  std::set<ResourceId> added_;
  Model part_;
};

}  // namespace

std::optional<Model> touched_by(const Model& before, const Users& users, const Claims& claims,
                                const Model& after, const std::vector<ResourceId>& changed) {
  Toucher toucher(before, users, claims, after);
  if (!toucher.touch_all(changed)) return std::nullopt;
  return toucher.take();
}

}  // namespace farspan::model
