/* SPDX-License-Identifier: GPL-2.0-only
 * The version is a string of its own in the program's read-only data (charon prints it when it
 * starts) and no library exports it as a symbol, so the program's file is searched for it. */
#include "abi.h"

#include <daemon.h>
#include <fcntl.h>
#include <kernel/kernel_ipsec.h>
#include <networking/packet.h>
#include <sa/ike_sa.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(daemon_t) == 176, "daemon_t is not that of Debian's 5.9.8");
_Static_assert(offsetof(daemon_t, kernel) == 8, "daemon_t.kernel moved");
_Static_assert(offsetof(daemon_t, sender) == 64, "daemon_t.sender moved");
_Static_assert(offsetof(daemon_t, receiver) == 72, "daemon_t.receiver moved");
_Static_assert(sizeof(library_t) == 192, "library_t is not that of Debian's 5.9.8");
_Static_assert(offsetof(library_t, settings) == 168, "library_t.settings moved");
_Static_assert(sizeof(kernel_ipsec_add_sa_t) == 144, "kernel_ipsec_add_sa_t changed");
_Static_assert(sizeof(kernel_ipsec_update_sa_t) == 32, "kernel_ipsec_update_sa_t changed");
_Static_assert(sizeof(ike_sa_t) == 728, "ike_sa_t is not that of Debian's 5.9.8");
_Static_assert(sizeof(packet_t) == 104, "packet_t changed");

bool abi_is_ours(void) {
  static const char version[] = "\0" FARSPAN_CHARON_VERSION; /* and the closing 0 */
  struct stat status;
  bool found = FALSE;
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

  if (fd < 0) {
    return FALSE;
  }
  if (fstat(fd, &status) == 0 && status.st_size > 0) {
    void* image = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (image != MAP_FAILED) {
      found = memmem(image, status.st_size, version, sizeof(version)) != NULL;
      munmap(image, status.st_size);
    }
  }
  close(fd);
  return found;
}
