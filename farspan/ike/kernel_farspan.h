/* SPDX-License-Identifier: GPL-2.0-only
 * kernel_farspan: charon's "kernel" is the Farspan data plane: kernel_ipsec_t over sad.sock.
 *
 * Translates charon's SAs, policies and limits to protocol.h and events back to jobs; all of it is
 * borrowed from charon during the call and copied here. Time limits are kept here, by charon's
 * scheduler; byte and packet limits by the data plane, which sees them.
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
