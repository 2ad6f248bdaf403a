// SPDX-License-Identifier: Apache-2.0
// reachability: a question in names becomes one in addresses.
//
// A name is that of an Instance, or of an office: an IpsecConnection, or the CustomerGateway of
// one. For an office its first network's first host answers, which is as good as any other host
// there: rules and selectors that tell hosts of one office apart need an address. Where the
// selectors are 0.0.0.0/0, the VpnRoutes say which networks the office has.
#include <algorithm>
#include <charconv>

#include "farspan/api/json.h"

namespace farspan::api {
namespace {

Error bad_query(const std::string& field, std::string what, std::string remedy) {
  return {ErrorCode::kInvalid, "GET /v1/reachability", field, std::move(what), std::move(remedy)};
}

std::string parameter(const Request& request, const char* name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

net::Address first_host(const net::Prefix& prefix) {
  const net::Address& base = prefix.address();
  return base.is_v4() && prefix.length() < 31 ? net::Address::v4(base.v4() + 1) : base;
}

std::optional<net::Address> host_of(const compiler::Network& network,
                                    const model::IpsecConnection& connection) {
  for (const auto& subnet : connection.remote_subnets)
    if (subnet.length() > 0) return first_host(subnet);
  std::optional<net::Address> host;
  network.users.for_each_of<model::VpnRoute, model::IpsecConnection>(
      network.model, connection.meta.name, [&](const model::VpnRoute& route) {
        if (!host) host = first_host(route.destination);
      });
  return host;
}

// What `name` may mean, and where that is, if that is known.
using Meanings = std::map<std::string, std::optional<net::Address>>;

Meanings meanings(const compiler::Network& network, const std::string& name) {
  Meanings found;
  const auto add = [&](const model::IpsecConnection& connection) {
    found.emplace("IpsecConnection " + connection.meta.name, host_of(network, connection));
  };
  if (const auto* instance = network.model.find<model::Instance>(name))
    found.emplace("Instance " + name, instance->address);
  if (const auto* connection = network.model.find<model::IpsecConnection>(name)) add(*connection);
  network.users.for_each_of<model::IpsecConnection, model::CustomerGateway>(network.model, name,
                                                                            add);
  return found;
}

std::optional<net::Address> endpoint(const compiler::Network& network, const std::string& word,
                                     const char* field, Errors& errors) {
  if (const auto address = net::Address::parse(word)) return address;
  const auto found = meanings(network, word);
  if (found.size() == 1 && !found.begin()->second) {
    errors.push_back(bad_query(field,
                               word + " has no address of its own: its remote_subnets are "
                                      "everything, and no VpnRoute leads to it",
                               "give the address of a host there"));
    return std::nullopt;
  }
  if (found.size() == 1) return found.begin()->second;
  std::string all;
  for (const auto& [meaning, address] : found)
    all += (all.empty() ? "" : ", ") + meaning + (address ? " (" + address->text() + ")" : "");
  errors.push_back(bad_query(field,
                             word.empty()    ? "is missing"
                             : found.empty() ? word + " is no address, Instance or office"
                                             : word + " may mean " + all,
                             found.empty() ? "give an address, or the name of an Instance, an "
                                             "IpsecConnection or a CustomerGateway"
                                           : "give an address"));
  if (!word.empty() && found.empty()) errors.back().code = ErrorCode::kNotFound;
  return std::nullopt;
}

std::optional<compiler::Probe> probe_of(const Request& request, Errors& errors) {
  const std::string protocol = parameter(request, "protocol"), port = parameter(request, "port");
  if (protocol.empty() || protocol == "icmp") {
    if (port.empty()) return compiler::Probe{1, 0};
    errors.push_back(bad_query("port", port + " has no meaning for icmp", "leave it out"));
    return std::nullopt;
  }
  if (protocol != "tcp" && protocol != "udp") {
    errors.push_back(bad_query("protocol", protocol + " is not known", "use icmp, tcp or udp"));
    return std::nullopt;
  }
  uint16_t number = 0;
  const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (fault != std::errc() || end != port.data() + port.size() || number == 0) {
    errors.push_back(bad_query("port", port.empty() ? "is missing" : port + " is not a port",
                               "give a number from 1 to 65535"));
    return std::nullopt;
  }
  return compiler::Probe{static_cast<uint8_t>(protocol == "tcp" ? 6 : 17), number};
}

}  // namespace

Answer Rest::reachability(const Request& request, const PathValues&) const {
  const auto now = sources_.controller.published();
  Errors errors;
  const auto from = endpoint(*now, parameter(request, "from"), "from", errors);
  const auto to = endpoint(*now, parameter(request, "to"), "to", errors);
  const auto probe = probe_of(request, errors);
  // A name of nobody is the answer only if nothing else is wrong with the question.
  const auto is_not_found = [](const Error& error) { return error.code == ErrorCode::kNotFound; };
  if (!std::all_of(errors.begin(), errors.end(), is_not_found))
    for (Error& error : errors) error.code = ErrorCode::kInvalid;
  if (!from || !to || !probe) return refusal(errors);
  const auto reach = compiler::reach(*now, *from, *to, *probe);
  const char* protocol = probe->protocol == 1 ? "icmp" : probe->protocol == 6 ? "tcp" : "udp";
  return json_answer({{"from", from->text()},
                      {"to", to->text()},
                      {"protocol", protocol},
                      {"port", probe->port},
                      {"is_reachable", reach.is_reachable},
                      {"path", reach.path},
                      {"reason", reach.reason}});
}

}  // namespace farspan::api
