// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::os {

/// Who was at the other end when the connection was made, as the kernel says.
///
/// Owner:   whoever asked; owns the pidfd.
/// Threads: as any value.
/// Always:  `pidfd` names that process and no other, also when its number was given to another
/// process later.
struct PeerIdentity {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;   // 0: it is in a PID namespace that cannot be seen from here
  UniqueFd pidfd;  // readable once the process has ended; invalid when pid is 0
};

/// Asks the kernel who is at the other end of a connected UNIX socket.
/// Errors: unavailable (that process is gone), invalid (not such a socket), full (descriptors).
[[nodiscard]] Result<PeerIdentity> peer_identity(BorrowedFd connection);

/// Whether the kernel names the process at the other end by a pidfd (SO_PEERPIDFD, Linux 6.5); else
/// a short moment remains in which its number could be somebody else's already. Tried on a pair of
/// our own.
[[nodiscard]] bool peer_pidfd_available();

}  // namespace vineyard::os
