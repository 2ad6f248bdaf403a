// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/port_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "farspan/agent/netns.h"
#include "farspan/agent/rtnetlink.h"

namespace farspan::agent {
namespace {

Error unopened(const std::string& name, int code) {
  if (code == EBUSY) {
    return {ErrorCode::kConflict, "", "", name + " is held by another program",
            "it is free once the old data plane is gone"};
  }
  if (code == EINVAL) {
    return {ErrorCode::kConflict, "", "", name + " exists and is no TAP device",
            "remove that interface from the instance's namespace"};
  }
  return {ErrorCode::kUnavailable, "", "", name + " cannot be opened: " + std::strerror(code),
          "see that /dev/net/tun exists and the agent has CAP_NET_ADMIN"};
}

Result<UniqueFd> open_tap(const std::string& name) {
  UniqueFd tap(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (!tap.valid()) return unopened("/dev/net/tun", errno);
  ifreq request{};
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  if (::ioctl(tap.get(), TUNSETIFF, &request) != 0) return unopened(name, errno);
  if (::ioctl(tap.get(), TUNSETPERSIST, 1) != 0) return unopened(name, errno);
  return tap;
}

Status configure_here(const std::string& name, const nodestate::Port& port) {
  auto netlink = Rtnetlink::open();
  if (!netlink) return netlink.error();
  InterfaceSettings settings;
  settings.mac = port.mac;
  settings.mtu = kPortMtu;
  settings.address = port.address;
  settings.prefix_length = port.subnet.length();
  if (!port.netns.empty()) settings.default_gateway = port.gateway;
  return netlink->configure(name, settings);
}

}  // namespace

std::string device_name(nodestate::PortId id, const std::string& netns) {
  return netns.empty() ? "fs" + to_string(id) : "eth0";
}

Result<UniqueFd> TapDevices::open(nodestate::PortId id, const nodestate::Port& port) {
  UniqueFd opened;
  const std::string name = device_name(id, port.netns);
  auto done = in_netns(port.netns, [&]() -> Status {
    auto tap = open_tap(name);
    if (!tap) return tap.error();
    opened = std::move(*tap);
    return configure_here(name, port);
  });
  if (!done) return done.error();
  return opened;
}

Status TapDevices::configure(nodestate::PortId id, const nodestate::Port& port) {
  return in_netns(port.netns, [&] { return configure_here(device_name(id, port.netns), port); });
}

std::string TapDevices::place(const std::string& netns) { return netns_identity(netns); }

Status TapDevices::remove(nodestate::PortId id, const std::string& netns) {
  auto removed = in_netns(netns, [&]() -> Status {
    auto netlink = Rtnetlink::open();
    if (!netlink) return netlink.error();
    return netlink->remove(device_name(id, netns));
  });
  if (!removed && removed.error().code == ErrorCode::kNotFound)
    return ok();  // the namespace took it along
  return removed;
}

}  // namespace farspan::agent
