// SPDX-License-Identifier: Apache-2.0
// The network of controller_bench: `nodes` regions with a node, a Vpc, a gateway and an instance
// each, all Vpcs in one Cen, and offices spread over the gateways. Each office has a customer
// gateway, a connection, and VpnRoutes and CenRoutes to a part of its network.
//
// Documents are JSON, whole resources at a time, so that a request can be cut anywhere between two.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace farspan::bench {

struct ControlNetwork {
  int nodes = 20;
  int offices = 10'000;
  int routes_per_office = 1;  // VpnRoutes, and as many CenRoutes; at most 16

  static std::string node(int i) { return fmt::format("n{}", i); }
  int node_of(int office) const { return office % nodes; }

  /// What stands before the first office.
  std::vector<std::string> platform() const {
    std::vector<std::string> documents = {R"({"kind":"Cen","name":"world"})"};
    for (int i = 0; i < nodes; ++i) {
      const auto add = [&](const std::string& kind, const std::string& spec) {
        documents.push_back(
            fmt::format(R"({{"kind":"{}","name":"{}","spec":{{{}}}}})", kind, node(i), spec));
      };
      add("Region", "");
      add("Node", fmt::format(R"("region":"n{}","public_address":"203.0.113.{}")", i, i + 1));
      add("Vpc", fmt::format(R"("region":"n{}","cidr_blocks":["192.168.{}.0/24"])", i, i));
      add("VSwitch", fmt::format(R"("vpc":"n{}","cidr":"192.168.{}.0/24")", i, i));
      add("SecurityGroup",
          fmt::format(R"("vpc":"n{}","rules":[{{"direction":"ingress","peer_cidr":"0.0.0.0/0"}}])",
                      i));
      add("Instance", fmt::format(R"("vswitch":"n{0}","address":"192.168.{0}.10",)"
                                  R"("security_groups":["n{0}"],"node":"n{0}","netns":"n{0}")",
                                  i));
      add("VpnGateway", fmt::format(R"("vpc":"n{0}","node":"n{0}")", i));
      add("CenAttachment", fmt::format(R"("cen":"world","vpc":"n{}")", i));
    }
    return documents;
  }

  /// Everything that office `k` brings.
  std::vector<std::string> office(int k) const {
    const int at = node_of(k);
    const std::string lan = fmt::format("10.{}.{}.", k / 256, k % 256);
    std::vector<std::string> documents = {
        fmt::format(
            R"({{"kind":"CustomerGateway","name":"p{}","spec":{{"address":"100.{}.{}.{}"}}}})", k,
            1 + k / 62'500, k / 250 % 250, 1 + k % 250),
        fmt::format(R"({{"kind":"IpsecConnection","name":"p{0}","spec":{{"vpn_gateway":"n{1}",)"
                    R"("customer_gateway":"p{0}","local_subnets":["0.0.0.0/0"],)"
                    R"("remote_subnets":["{2}0/24"],"ike":{{"psk":"secret-of-{0}"}}}}}})",
                    k, at, lan)};
    for (int r = 0; r < routes_per_office; ++r) {
      const std::string to = fmt::format("{}{}/28", lan, 16 * r);
      documents.push_back(
          fmt::format(R"({{"kind":"VpnRoute","name":"p{0}-{1}","spec":{{"vpn_gateway":"n{2}",)"
                      R"("destination":"{3}","ipsec_connection":"p{0}","published":true}}}})",
                      k, r, at, to));
      documents.push_back(
          fmt::format(R"({{"kind":"CenRoute","name":"p{0}-{1}","spec":{{"cen":"world",)"
                      R"("vpc":"n{2}","destination":"{3}"}}}})",
                      k, r, at, to));
    }
    return documents;
  }

  /// The documents of offices [from, to).
  std::vector<std::string> all_offices(int from, int to) const {
    std::vector<std::string> documents;
    for (int k = from; k < to; ++k)
      for (std::string& document : office(k)) documents.push_back(std::move(document));
    return documents;
  }
};

/// `documents` [from, to) as one request's body.
inline std::string joined(const std::vector<std::string>& documents, size_t from, size_t to) {
  std::string body = "[";
  for (size_t i = from; i < to; ++i) body += (i == from ? "" : ",\n") + documents[i];
  return body + "]";
}

}  // namespace farspan::bench
