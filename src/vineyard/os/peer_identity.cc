// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/peer_identity.h"

#include <sys/socket.h>

#include <string>

#include "vineyard/base/try.h"
#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"
#include "vineyard/os/syscall.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace vineyard::os {

Result<PeerIdentity> peer_identity(BorrowedFd connection) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) {
    return os_error("getsockopt", errno, "SO_PEERCRED");
  }
  PeerIdentity peer;
  peer.uid = who.uid;
  peer.gid = who.gid;
  peer.pid = who.pid;
  if (who.pid <= 0) return peer;
  int pidfd = -1;
  size = sizeof pidfd;
  if (::getsockopt(connection.get(), SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0) {
    peer.pidfd.reset(pidfd);
    return peer;
  }
  if (errno == ENOPROTOOPT) {  // before Linux 6.5
    auto opened = open_pidfd(who.pid);
    if (opened) {
      peer.pidfd = std::move(*opened);
      return peer;
    }
    if (opened.error().code() != ErrorCode::kNotFound) return std::move(opened).error();
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
    return os_error("getsockopt", errno, "SO_PEERPIDFD");
  }
  return Error(ErrorCode::kUnavailable,
               "process " + std::to_string(who.pid) + " at the other end is gone");
}

bool peer_pidfd_available() {
  const auto pair = socket_pair();
  if (!pair) return false;
  int pidfd = -1;
  socklen_t size = sizeof pidfd;
  if (::getsockopt(pair->first.get(), SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) != 0) return false;
  const UniqueFd peer(pidfd);
  return peer.valid();
}

}  // namespace vineyard::os
