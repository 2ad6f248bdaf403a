// SPDX-License-Identifier: Apache-2.0
#include "farspan/dataplane/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace farspan::dataplane {

Status drop_privileges() {
  constexpr uint32_t kKept = 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW | 1u << CAP_NET_BIND_SERVICE;
  const auto refused = [](const char* what) {
    return Error{ErrorCode::kInternal, "privileges", "",
                 std::string(what) + ": " + std::strerror(errno), ""};
  };
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refused("no_new_privs");

  for (unsigned capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (capability < 32 && (kKept & 1u << capability) != 0) continue;
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0,
            0);  // fails without CAP_SETPCAP: then there is little to drop
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> held{};
  if (::syscall(SYS_capget, &header, held.data()) != 0) return refused("capget");
  for (size_t i = 0; i < held.size(); ++i) {
    const uint32_t kept = i == 0 ? kKept : 0;
    held[i].permitted &= kept;
    held[i].effective &= kept;
    held[i].inheritable = 0;
  }
  if (::syscall(SYS_capset, &header, held.data()) != 0) return refused("capset");
  return ok();
}

}  // namespace farspan::dataplane
