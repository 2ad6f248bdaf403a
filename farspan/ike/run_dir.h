/* SPDX-License-Identifier: GPL-2.0-only
 * run_dir: where the data plane's sockets are: the setting %s.plugins.farspan.run_dir.
 */
#ifndef FARSPAN_IKE_RUN_DIR_H
#define FARSPAN_IKE_RUN_DIR_H

#include <library.h>
#include <sys/un.h>
#include <utils/debug.h>

#define RUN_DIR_PATH_MAX sizeof(((struct sockaddr_un*)0)->sun_path)

/** Writes the path of socket `name`; FALSE, with a line in the log, when it is not set or too long
 * for a socket. */
static inline bool run_dir_path(char path[RUN_DIR_PATH_MAX], const char* name) {
  const char* dir =
      lib->settings->get_str(lib->settings, "%s.plugins.farspan.run_dir", NULL, lib->ns);
  int length = dir ? snprintf(path, RUN_DIR_PATH_MAX, "%s/%s", dir, name) : -1;

  if (length < 0 || (size_t)length >= RUN_DIR_PATH_MAX) {
    dbg(DBG_LIB, 1, "farspan: plugins.farspan.run_dir is not set, or too long: %s",
        dir ? dir : "(none)");
    return FALSE;
  }
  return TRUE;
}

#endif
