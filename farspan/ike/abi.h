/* SPDX-License-Identifier: GPL-2.0-only
 * abi: is the process that loads this plugin the charon it was compiled for?
 *
 * charon itself does not ask; a plugin of other headers would call through wrong offsets. At
 * compile time the layouts are compared with those of Debian's build (abi.c), at load time the
 * program's version.
 */
#ifndef FARSPAN_IKE_ABI_H
#define FARSPAN_IKE_ABI_H

#include <library.h>

#define FARSPAN_CHARON_VERSION "5.9.8"

/** TRUE when the running program is of FARSPAN_CHARON_VERSION. */
bool abi_is_ours(void);

#endif
