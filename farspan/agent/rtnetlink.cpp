// SPDX-License-Identifier: Apache-2.0
#include "farspan/agent/rtnetlink.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "farspan/base/release.h"

namespace farspan::agent {
namespace {

// A super-packet of this size still fits one UDP GSO send after every segment got its ESP overhead
// (at most 65,507 bytes for all of them).
constexpr uint32_t kGsoMaxSize = 61440;

using Link = std::unique_ptr<rtnl_link, Release<rtnl_link_put>>;
using NlAddress = std::unique_ptr<nl_addr, Release<nl_addr_put>>;
using RtAddress = std::unique_ptr<rtnl_addr, Release<rtnl_addr_put>>;
using Route = std::unique_ptr<rtnl_route, Release<rtnl_route_put>>;
using Cache = std::unique_ptr<nl_cache, Release<nl_cache_free>>;
using NlMessage = std::unique_ptr<nl_msg, Release<nlmsg_free>>;

Error failed(const std::string& what, int code) {
  return {ErrorCode::kUnavailable, "", "", what + ": " + nl_geterror(code),
          "see that the agent has CAP_NET_ADMIN and nobody else configures this device"};
}

NlAddress address_of(const net::Address& address, int prefix_length) {
  NlAddress built(nl_addr_build(AF_INET, address.bytes().data(), 4));
  nl_addr_set_prefixlen(built.get(), prefix_length);
  return built;
}

bool is_same(nl_addr* a, nl_addr* b) {
  return nl_addr_cmp(a, b) == 0 && nl_addr_get_prefixlen(a) == nl_addr_get_prefixlen(b);
}

// libnl 3.7 has no setter for this attribute.
int set_gso_max_size(nl_sock* socket, int index) {
  NlMessage message(nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_REQUEST));
  ifinfomsg header{};
  header.ifi_index = index;
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  nla_put_u32(message.get(), IFLA_GSO_MAX_SIZE, kGsoMaxSize);
  return nl_send_sync(socket, message.release());  // frees the message
}

// The IPv4 addresses of interface `index`.
std::vector<RtAddress> addresses_of(nl_cache* cache, int index) {
  std::vector<RtAddress> found;
  for (nl_object* object = nl_cache_get_first(cache); object != nullptr;
       object = nl_cache_get_next(object)) {
    auto* address = reinterpret_cast<rtnl_addr*>(object);
    if (rtnl_addr_get_ifindex(address) != index || rtnl_addr_get_family(address) != AF_INET)
      continue;
    nl_object_get(object);
    found.emplace_back(address);
  }
  return found;
}

}  // namespace

Result<Rtnetlink> Rtnetlink::open() {
  nl_sock* socket = nl_socket_alloc();
  FS_CHECK(socket != nullptr);
  Rtnetlink opened(socket);
  if (const int code = nl_connect(socket, NETLINK_ROUTE); code < 0)
    return failed("netlink does not answer", code);
  return opened;
}

Rtnetlink::Rtnetlink(Rtnetlink&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
Rtnetlink::~Rtnetlink() {
  if (socket_ != nullptr) nl_socket_free(socket_);
}

Status Rtnetlink::configure(const std::string& name, const InterfaceSettings& settings) {
  int index = 0;
  if (auto set = set_link(name, settings, index); !set) return set;
  if (auto set = set_address(index, settings); !set) return set;
  return settings.default_gateway ? set_default_route(index, *settings.default_gateway) : ok();
}

Status Rtnetlink::set_link(const std::string& name, const InterfaceSettings& settings, int& index) {
  rtnl_link* found = nullptr;
  if (const int code = rtnl_link_get_kernel(socket_, 0, name.c_str(), &found); code < 0) {
    return failed(name + " is not there", code);
  }
  const Link link(found);
  index = rtnl_link_get_ifindex(link.get());
  const NlAddress mac(nl_addr_build(AF_LLC, settings.mac.bytes.data(), settings.mac.bytes.size()));
  nl_addr* old_mac = rtnl_link_get_addr(link.get());
  const bool has_mac =
      old_mac != nullptr && nl_addr_get_len(old_mac) == settings.mac.bytes.size() &&
      std::memcmp(nl_addr_get_binary_addr(old_mac), settings.mac.bytes.data(), 6) == 0;
  const bool is_up = (rtnl_link_get_flags(link.get()) & IFF_UP) != 0;
  if (has_mac && is_up && rtnl_link_get_mtu(link.get()) == settings.mtu) return ok();

  const Link change(rtnl_link_alloc());
  if (!has_mac) rtnl_link_set_addr(change.get(), mac.get());
  rtnl_link_set_mtu(change.get(), settings.mtu);
  rtnl_link_set_flags(change.get(), IFF_UP);
  if (const int code = rtnl_link_change(socket_, link.get(), change.get(), 0); code < 0) {
    return failed(name + " cannot be set up", code);
  }
  if (const int code = set_gso_max_size(socket_, index); code < 0)
    return failed(name + " gso_max_size", code);
  return ok();
}

Status Rtnetlink::set_address(int index, const InterfaceSettings& settings) {
  nl_cache* filled = nullptr;
  if (const int code = rtnl_addr_alloc_cache(socket_, &filled); code < 0)
    return failed("list of addresses", code);
  const Cache cache(filled);
  const NlAddress wanted = address_of(settings.address, settings.prefix_length);
  bool is_there = false;
  for (const RtAddress& old : addresses_of(cache.get(), index)) {
    if (is_same(rtnl_addr_get_local(old.get()), wanted.get())) {
      is_there = true;
    } else if (const int code = rtnl_addr_delete(socket_, old.get(), 0);
               code < 0 && code != -NLE_NOADDR) {
      return failed("an old address cannot be removed", code);
    }
  }
  if (is_there) return ok();
  const RtAddress address(rtnl_addr_alloc());
  rtnl_addr_set_ifindex(address.get(), index);
  rtnl_addr_set_local(address.get(), wanted.get());
  if (const int code = rtnl_addr_add(socket_, address.get(), 0); code < 0 && code != -NLE_EXIST) {
    return failed("address " + settings.address.text() + " cannot be added", code);
  }
  return ok();
}

Status Rtnetlink::set_default_route(int index, const net::Address& gateway) {
  const Route route(rtnl_route_alloc());
  const NlAddress everything = address_of({}, 0);
  const NlAddress via = address_of(gateway, 32);
  rtnl_route_set_family(route.get(), AF_INET);
  rtnl_route_set_dst(route.get(), everything.get());
  rtnl_route_set_scope(route.get(), RT_SCOPE_UNIVERSE);
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  rtnl_route_nh_set_ifindex(hop, index);
  rtnl_route_nh_set_gateway(hop, via.get());
  rtnl_route_nh_set_flags(
      hop, RTNH_F_ONLINK);  // right even when the vSwitch has room for one address only
  rtnl_route_add_nexthop(route.get(), hop);  // owns it now
  if (const int code = rtnl_route_add(socket_, route.get(), NLM_F_REPLACE); code < 0) {
    return failed("default route via " + gateway.text() + " cannot be set", code);
  }
  return ok();
}

Status Rtnetlink::remove(const std::string& name) {
  const Link link(rtnl_link_alloc());
  rtnl_link_set_name(link.get(), name.c_str());
  const int code = rtnl_link_delete(socket_, link.get());
  if (code < 0 && code != -NLE_NODEV && code != -NLE_OBJ_NOTFOUND)
    return failed(name + " cannot be removed", code);
  return ok();
}

}  // namespace farspan::agent
