// SPDX-License-Identifier: Apache-2.0
// rtnetlink: what the agent does to interfaces, over libnl-route, in the network namespace of the
// calling thread.
//
// Every call compares first and changes only what differs, so that it may be repeated on an
// interface in use.
//
// Not here: which namespace (netns.h), TAP descriptors (port_device.cpp).
#pragma once

#include <optional>
#include <string>

#include "farspan/base/result.h"
#include "farspan/net/address.h"

struct nl_sock;

namespace farspan::agent {

struct InterfaceSettings {
  net::MacAddress mac;
  uint32_t mtu = 1500;
  net::Address address;
  int prefix_length = 32;
  std::optional<net::Address> default_gateway;
};

class Rtnetlink {
 public:
  static Result<Rtnetlink> open();
  Rtnetlink(Rtnetlink&& other) noexcept;
  Rtnetlink& operator=(Rtnetlink&&) = delete;
  ~Rtnetlink();

  /// Makes interface `name` be up with exactly these IPv4 settings.
  Status configure(const std::string& name, const InterfaceSettings& settings);
  /// Removes interface `name`; one that does not exist is no error.
  Status remove(const std::string& name);

 private:
  explicit Rtnetlink(nl_sock* socket) : socket_(socket) {}
  Status set_link(const std::string& name, const InterfaceSettings& settings, int& index);
  Status set_address(int index, const InterfaceSettings& settings);
  Status set_default_route(int index, const net::Address& gateway);

  nl_sock* socket_;
};

}  // namespace farspan::agent
