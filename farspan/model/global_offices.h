// SPDX-License-Identifier: Apache-2.0
// The network of examples/global-offices as a model, step by step: what the tests of several
// folders start from.
//
// farspan/documents/documents_test.cpp checks that it is the same as the files.
//
// Not here: anything a program needs; only tests include this.
#pragma once

#include <string>
#include <utility>

#include "farspan/base/check.h"
#include "farspan/model/model.h"

namespace farspan::model::testing {

inline net::Address ip(const char* text) {
  const auto address = net::Address::parse(text);
  FS_CHECK(address.has_value());
  return *address;
}

inline net::Prefix cidr(const char* text) {
  const auto prefix = net::Prefix::parse(text);
  FS_CHECK(prefix.has_value());
  return *prefix;
}

/// Puts resources into a model and numbers them as a store would.
class Draft {
 public:
  Model model;

  template <class Resource>
  Resource& add(const std::string& name, Resource resource) {
    resource.meta.name = name;
    auto& by_name = model.all<Resource>();
    const auto standing = by_name.find(name);
    resource.meta.number = standing != by_name.end() ? standing->second.meta.number : next_++;
    return by_name[name] = std::move(resource);
  }

  void region(const std::string& name) { add(name, Region{}); }
  void node(const std::string& name, const std::string& region, const char* address) {
    add(name, Node{{}, region, ip(address)});
  }
  void vpc(const std::string& name, const std::string& region, const char* block) {
    add(name, Vpc{{}, region, {cidr(block)}});
  }
  void vswitch(const std::string& name, const std::string& vpc, const char* prefix) {
    add(name, VSwitch{{}, vpc, cidr(prefix)});
  }
  SecurityGroup& group(const std::string& name, const std::string& vpc) {
    return add(name, SecurityGroup{{}, vpc, true, {}});
  }
  void instance(const std::string& name, const std::string& vswitch, const char* address,
                const std::string& group, const std::string& node) {
    add(name, Instance{{}, vswitch, ip(address), {group}, node, name});
  }
  void gateway(const std::string& name, const std::string& vpc, const std::string& node) {
    add(name, VpnGateway{{}, vpc, node});
  }
  /// A customer gateway and its connection, both called `name`; local 0.0.0.0/0, remote `lan`.
  IpsecConnection& office(const std::string& name, const std::string& gateway, const char* address,
                          const char* lan) {
    add(name, CustomerGateway{{}, ip(address)});
    IpsecConnection connection;
    connection.vpn_gateway = gateway;
    connection.customer_gateway = name;
    connection.local_subnets = {cidr("0.0.0.0/0")};
    connection.remote_subnets = {cidr(lan)};
    connection.ike.psk = "psk-of-" + name;
    return add(name, std::move(connection));
  }
  VpnRoute& route(const std::string& name, const std::string& gateway, const char* destination,
                  const std::string& connection, bool is_published = true) {
    return add(name,
               VpnRoute{{}, gateway, cidr(destination), std::nullopt, connection, is_published});
  }
  void attach(const std::string& cen, const std::string& vpc) {
    add(vpc, CenAttachment{{}, cen, vpc});
  }
  void publish(const std::string& name, const std::string& cen, const std::string& vpc,
               const char* destination) {
    add(name, CenRoute{{}, cen, vpc, cidr(destination)});
  }

 private:
  uint32_t next_ = 1;
};

struct GlobalOffices : Draft {
  /// The platform and the first `steps` files.
  explicit GlobalOffices(int steps) {
    platform();
    if (steps >= 1) us_east();
    if (steps >= 2) shanghai();
    if (steps >= 3) cen();
    if (steps >= 4) publish_offices();
    if (steps >= 5) security();
  }

 private:
  void platform() {
    region("us-east");
    region("shanghai");
    node("us-east-node", "us-east", "203.0.113.1");
    node("shanghai-node", "shanghai", "203.0.113.2");
  }
  void place(const std::string& name, const char* block, const char* subnet, const char* app,
             const char* description) {
    vpc(name, name, block);
    model.all<Vpc>()[name].meta.description = description;
    vswitch(name + "-apps", name, subnet);
    group("app-" + name, name).meta.description = "who reaches the application";
    instance("app-" + name, name + "-apps", app, "app-" + name, name + "-node");
    gateway(name, name, name + "-node");
  }
  void connect(const std::string& name, const std::string& gateway_name, const char* address,
               const char* lan) {
    office(name, gateway_name, address, lan);
    model.all<CustomerGateway>()[name].meta.description = "the router of " + name;
    route(name, gateway_name, lan, name);
  }
  void us_east() {
    place("us-east", "172.16.0.0/16", "172.16.1.0/24", "172.16.1.10", "US East");
    connect("office-1", "us-east", "198.51.100.11", "10.10.10.0/24");
    connect("office-2", "us-east", "198.51.100.12", "10.10.20.0/24");
  }
  void shanghai() {
    place("shanghai", "172.17.0.0/16", "172.17.1.0/24", "172.17.1.10", "Shanghai");
    connect("office-3", "shanghai", "198.51.100.13", "10.20.10.0/24");
    connect("office-4", "shanghai", "198.51.100.14", "10.20.20.0/24");
  }
  void cen() {
    add("global", Cen{}).meta.description = "the company's backbone";
    attach("global", "us-east");
    attach("global", "shanghai");
  }
  void publish_offices() {
    publish("office-1", "global", "us-east", "10.10.10.0/24");
    publish("office-2", "global", "us-east", "10.10.20.0/24");
    publish("office-3", "global", "shanghai", "10.20.10.0/24");
    publish("office-4", "global", "shanghai", "10.20.20.0/24");
  }
  void open(const std::string& name, const char* other_apps, const std::string& other) {
    const auto allow = [&](const char* peer, const std::string& description) {
      auto& rules = model.all<SecurityGroup>()["app-" + name].rules;
      rules.push_back({Direction::kIngress,
                       RuleProtocol::kTcp,
                       {80, 80},
                       cidr(peer),
                       RuleAction::kAccept,
                       1,
                       description});
      rules.push_back({Direction::kIngress,
                       RuleProtocol::kIcmp,
                       {},
                       cidr(peer),
                       RuleAction::kAccept,
                       1,
                       description});
    };
    allow("10.10.0.0/16", "offices of US East");
    allow("10.20.0.0/16", "offices of Shanghai");
    allow(other_apps, "the application in " + other);
  }
  void security() {
    open("us-east", "172.17.1.0/24", "shanghai");
    open("shanghai", "172.16.1.0/24", "us-east");
  }
};

}  // namespace farspan::model::testing
