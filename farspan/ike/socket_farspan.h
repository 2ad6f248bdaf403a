/* SPDX-License-Identifier: GPL-2.0-only
 * socket_farspan: charon's IKE datagrams go through the data plane, which owns UDP 500 and 4500:
 * socket_t over ike.sock.
 *
 * Sharing port 4500 between charon and the data plane loses IKE datagrams that receive offload
 * glues to ESP trains, and ends with whoever starts first owning the port; so charon opens no
 * network socket at all. The non-ESP marker stays in the datagram: charon's receiver and sender
 * take and add it.
 *
 * Threads: receive() in one of charon's threads, which it may cancel while it waits; send() in any.
 */
#ifndef FARSPAN_IKE_SOCKET_FARSPAN_H
#define FARSPAN_IKE_SOCKET_FARSPAN_H

#include <network/socket.h>

/** Constructor for socket_register(). Setting: %s.plugins.farspan.run_dir. */
socket_t* socket_farspan_create(void);

#endif
