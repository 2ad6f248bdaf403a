/* SPDX-License-Identifier: GPL-2.0-only
 * What strongSwan's ./configure would say, as far as its headers ask: the build of Debian
 * 12's 5.9.8.
 *
 * Included before every plugin source. Only ME changes layouts (daemon_t, ike_sa_t, peer_cfg_t):
 * Debian builds with mediation. abi.c checks the layouts that came out.
 */
#ifndef CONFIG_H_INCLUDED
#define CONFIG_H_INCLUDED

#define _GNU_SOURCE 1 /* as its build does */

#define ME 1
#define USE_IKEV1 1
#define USE_IKEV2 1
#define CAPABILITIES 1
#define CAPABILITIES_NATIVE 1 /* the other kind needs libcap's headers; no layout depends on it */
#define HAVE_ALLOCA_H 1
#define HAVE_STDBOOL_H 1
#define HAVE_SYS_PARAM_H 1
#define HAVE_CLOCK_GETTIME 1
#define HAVE_CONDATTR_CLOCK_MONOTONIC 1
#define HAVE_EXPLICIT_BZERO 1
#define HAVE_CLOSEFROM 1
#define HAVE_SIGWAITINFO 1
#define HAVE_MEMRCHR 1
#define HAVE_FMEMOPEN 1
#define HAVE_INT128 1
#define HAVE_IN6ADDR_ANY 1
#define HAVE_IN6_PKTINFO 1

#endif
