/* SPDX-License-Identifier: GPL-2.0-only
 * hosts: charon's host_t and traffic_selector_t as the structs of protocol.h, and back.
 */
#ifndef FARSPAN_IKE_HOSTS_H
#define FARSPAN_IKE_HOSTS_H

#include <networking/host.h>
#include <selectors/traffic_selector.h>

#include "farspan/ike/protocol.h"

/** `host` may be NULL: family 0. */
struct fs_host host_to_wire(host_t* host);
/** A new host, or NULL when its family is none of ours. */
host_t* host_from_wire(const struct fs_host* wire);

struct fs_selector selector_to_wire(traffic_selector_t* selector);
traffic_selector_t* selector_from_wire(const struct fs_selector* wire);

#endif
