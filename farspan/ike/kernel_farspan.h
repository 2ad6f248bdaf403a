/* SPDX-License-Identifier: GPL-2.0-only
 * kernel_farspan: charon's "kernel" is the Farspan data plane: kernel_ipsec_t over sad.sock.
 *
 * Translates charon's SAs, policies and limits to protocol.h and events back to jobs; all of it is
 * borrowed from charon during the call and copied here. Time limits are kept by sad_link, with the
 * copy of their SA; byte and packet limits by the data plane, which sees them.
 *
 * A job in charon's queue lives until a worker has time for it. So a peer's new address waits in a
 * table by SPI, where a newer one takes its place, and there is one job for it at a time.
 *
 * Not here: the socket and what survives it (sad_link.h).
 * Threads: charon's main thread while loading and unloading, otherwise any of its workers.
 */
#ifndef FARSPAN_IKE_KERNEL_FARSPAN_H
#define FARSPAN_IKE_KERNEL_FARSPAN_H

#include <kernel/kernel_ipsec.h>

/** Constructor for kernel_ipsec_register(). Setting: %s.plugins.farspan.run_dir. */
kernel_ipsec_t* kernel_farspan_create(void);

#endif
