/* SPDX-License-Identifier: GPL-2.0-only */
#include "hosts.h"

static size_t address_bytes(int family) { return family == AF_INET ? 4 : 16; }

struct fs_host host_to_wire(host_t* host) {
  struct fs_host wire = {};

  if (host) {
    chunk_t address = host->get_address(host);
    wire.family = (uint16_t)host->get_family(host);
    wire.port = host->get_port(host);
    memcpy(wire.address, address.ptr, min(address.len, sizeof(wire.address)));
  }
  return wire;
}

host_t* host_from_wire(const struct fs_host* wire) {
  if (wire->family != AF_INET && wire->family != AF_INET6) {
    return NULL;
  }
  return host_create_from_chunk(
      wire->family, chunk_create((u_char*)wire->address, address_bytes(wire->family)), wire->port);
}

struct fs_selector selector_to_wire(traffic_selector_t* selector) {
  chunk_t low = selector->get_from_address(selector);
  chunk_t high = selector->get_to_address(selector);
  struct fs_selector wire = {
      .family = selector->get_type(selector) == TS_IPV4_ADDR_RANGE ? AF_INET : AF_INET6,
      .protocol = selector->get_protocol(selector),
      .port_low = selector->get_from_port(selector),
      .port_high = selector->get_to_port(selector),
  };

  memcpy(wire.address_low, low.ptr, min(low.len, sizeof(wire.address_low)));
  memcpy(wire.address_high, high.ptr, min(high.len, sizeof(wire.address_high)));
  return wire;
}

traffic_selector_t* selector_from_wire(const struct fs_selector* wire) {
  size_t bytes = address_bytes(wire->family);

  if (wire->family != AF_INET && wire->family != AF_INET6) {
    return NULL;
  }
  return traffic_selector_create_from_bytes(
      wire->protocol, wire->family == AF_INET ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE,
      chunk_create((u_char*)wire->address_low, bytes), wire->port_low,
      chunk_create((u_char*)wire->address_high, bytes), wire->port_high);
}
