// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "vineyard/base/result.h"
#include "vineyard/os/poll.h"
#include "vineyard/os/unique_fd.h"

// UNIX sockets that keep whole packets (SOCK_SEQPACKET).
namespace vineyard::os {

/// A socket that clients connect to, and the lock that says the path is ours.
///
/// Owner:   the supervisor (and the standby, by inheritance). Closing it leaves the files; `remove`
/// takes them away. Threads: one at a time. Always:  while `lock` is open here or in a forked
/// process, nobody else listens at `path`.
struct UnixListener {
  UniqueFd socket;  // does not block
  UniqueFd lock;
  std::string path;

  /// Removes the socket's file and the lock's: the end of a clean stop.
  void remove();
};

/// Listens at `path`. `PATH.lock` beside it decides whether a socket found there is left over (then
/// it is replaced) or in use. `mode` are the permission bits, in force from the first moment.
/// Errors: exists (somebody listens there), invalid (path too long, something else than a socket
/// there), denied,
///         not_found (no such directory). Each says what is there and what to do.
[[nodiscard]] Result<UnixListener> listen_unix(const std::string& path, unsigned mode);

/// Connects to a daemon. Waits at most `timeout_ms` for room in its queue.
/// Errors: not_found (nothing at `path`), unavailable (nobody listens there), denied, deadline,
/// invalid.
[[nodiscard]] Result<UniqueFd> connect_unix(const std::string& path, int timeout_ms = kForever);

/// The next client in the queue, or nothing.
/// Errors: full (descriptors: free some and call again; the client waits).
[[nodiscard]] Result<std::optional<UniqueFd>> accept_connection(BorrowedFd listener);

/// Two ends of a private connection that keeps whole packets.
[[nodiscard]] Result<std::pair<UniqueFd, UniqueFd>> socket_pair();

/// A second descriptor of the same open socket: for a second registration with an event loop.
/// Errors: full (descriptors).
[[nodiscard]] Result<UniqueFd> duplicate(BorrowedFd socket);

/// Ends a connection in both directions, also when other processes hold it.
void shut_down(BorrowedFd connection);

}  // namespace vineyard::os
