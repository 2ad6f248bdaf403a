// SPDX-License-Identifier: Apache-2.0
#include "farspan/io/route_mtu.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace farspan::io {
namespace {

constexpr uint32_t kLargest = 65535;  // what an IPv4 header can say
constexpr uint32_t kLeast = 68;       // RFC 791 §3.1
constexpr size_t kAnswerBytes = 16384;

struct Request {
  nlmsghdr header;
  rtmsg route;
  rtattr destination;
  uint32_t address;  // network order
};

UniqueFd open_rtnetlink(uint32_t groups) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_groups = groups;
  if (fd.valid() && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) != 0)
    fd.reset();
  return fd;
}

std::optional<uint32_t> interface_mtu(int socket, int index) {
  ifreq request{};
  request.ifr_ifindex = index;
  if (::ioctl(socket, SIOCGIFNAME, &request) != 0 || ::ioctl(socket, SIOCGIFMTU, &request) != 0)
    return std::nullopt;
  return static_cast<uint32_t>(request.ifr_mtu);
}

std::optional<uint32_t> smaller(std::optional<uint32_t> a, std::optional<uint32_t> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

template <class T>
T value_of(const rtattr* attribute) {
  T value{};
  std::memcpy(&value, RTA_DATA(attribute), std::min(sizeof value, RTA_PAYLOAD(attribute)));
  return value;
}

std::optional<uint32_t> metric_mtu(const rtattr* metrics) {
  auto length = static_cast<int>(RTA_PAYLOAD(metrics));
  for (auto* at = static_cast<const rtattr*>(RTA_DATA(metrics)); RTA_OK(at, length);
       at = RTA_NEXT(at, length)) {
    if (at->rta_type == RTAX_MTU) return value_of<uint32_t>(at);
  }
  return std::nullopt;
}

std::optional<uint32_t> smallest_of_hops(int socket, const rtattr* hops) {
  std::optional<uint32_t> least;
  auto length = static_cast<int>(RTA_PAYLOAD(hops));
  for (auto* at = static_cast<const rtnexthop*>(RTA_DATA(hops)); RTNH_OK(at, length);) {
    least = smaller(least, interface_mtu(socket, at->rtnh_ifindex));
    length -= static_cast<int>(RTNH_ALIGN(at->rtnh_len));
    at = RTNH_NEXT(at);
  }
  return least;
}

}  // namespace

Result<RouteMtu> RouteMtu::open() {
  UniqueFd requests = open_rtnetlink(0);
  UniqueFd changes =
      open_rtnetlink(RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | RTMGRP_IPV4_IFADDR);
  if (!requests.valid() || !changes.valid())
    return Error{ErrorCode::kUnavailable, "rtnetlink", "", std::strerror(errno), ""};
  return RouteMtu(std::move(requests), std::move(changes));
}

std::optional<uint32_t> RouteMtu::to(uint32_t remote) const {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.route.rtm_family = AF_INET;
  request.route.rtm_dst_len = 32;
  request.route.rtm_flags = RTM_F_FIB_MATCH;
  request.destination.rta_type = RTA_DST;
  request.destination.rta_len = RTA_LENGTH(sizeof request.address);
  request.address = htonl(remote);
  if (::send(requests_.get(), &request, sizeof request, 0) < 0) return std::nullopt;
  // The kernel answers before send() returns.
  alignas(nlmsghdr) std::array<uint8_t, kAnswerBytes> answer;
  const ssize_t length = ::recv(requests_.get(), answer.data(), answer.size(), 0);
  if (length < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(rtmsg)))) return std::nullopt;
  const auto* const header = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (header->nlmsg_type != RTM_NEWROUTE) return std::nullopt;

  const auto* const route = static_cast<const rtmsg*>(NLMSG_DATA(header));
  std::optional<uint32_t> device, metric;
  auto left = static_cast<int>(RTM_PAYLOAD(header));
  for (const rtattr* at = RTM_RTA(route); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    switch (at->rta_type) {
      case RTA_OIF:
        device = smaller(device, interface_mtu(requests_.get(), value_of<int>(at)));
        break;
      case RTA_MULTIPATH:
        device = smaller(device, smallest_of_hops(requests_.get(), at));
        break;
      case RTA_METRICS:
        metric = metric_mtu(at);
        break;
      default:
        break;
    }
  }
  const std::optional<uint32_t> mtu = smaller(device, metric);
  if (!mtu || *mtu < kLeast) return std::nullopt;
  return std::min(*mtu, kLargest);
}

void RouteMtu::take_changes() const {
  std::array<uint8_t, kAnswerBytes> message;
  // An overrun (ENOBUFS) is a change, too; what it was about does not matter.
  while (::recv(changes_.get(), message.data(), message.size(), 0) >= 0 || errno == ENOBUFS ||
         errno == EINTR) {
  }
}

}  // namespace farspan::io
