// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <utility>

#include "vineyard/base/result.h"
#include "vineyard/base/try.h"
#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"
#include "vineyard/os/unique_fd.h"

// Processes that a process forks and looks after: start, watch, end, restart.
namespace vineyard::os {

/// A forked process that was not waited for yet.
///
/// Owner:   its parent. Letting go of the object does not end the process.
/// Threads: one at a time.
/// Always:  `pid` is 0 (none) or that child's number.
struct Child {
  pid_t pid = 0;
  UniqueFd pidfd;
  UniqueFd socket;  // to the child
};

/// Ends a child and waits for it: `first_signal`, and SIGKILL when it is still there after
/// `patience_ms`. Signal 0: it was told to end otherwise.
void end_child(pid_t pid, BorrowedFd pidfd, int first_signal, int patience_ms);

/// Forks a child that runs `body` with its end of a connection to the parent. The child never comes
/// back from here.
/// Errors: full (processes, descriptors).
template <class Body>
[[nodiscard]] Result<Child> fork_child(Body&& body) {
  VY_TRY(auto ends, socket_pair());
  VY_TRY(const pid_t pid, fork_process());
  if (pid == 0) {
    ends.first.reset();
    body(std::move(ends.second));
    exit_now(1);
  }
  auto pidfd = open_pidfd(pid);
  if (pidfd) return Child{pid, std::move(*pidfd), std::move(ends.first)};
  end_child(pid, BorrowedFd(-1), SIGKILL, 0);
  return std::move(pidfd).error();
}

/// When to start the next one: at once, unless several in a row ended within a second of their
/// start; then after a delay that doubles up to a second. Never gives up.
///
/// Owner:   whoever restarts; a plain value.
/// Threads: as any value.
/// Always:  `not_before_ms` is at most a second after the last end.
struct RestartDelay {
  static constexpr int kQuickEndMs = 1000;
  static constexpr int kFirstMs = 10;
  static constexpr int kLongestMs = 1000;

  std::int64_t started_ms = 0;
  std::int64_t not_before_ms = 0;
  std::int64_t delay_ms = 0;

  void note_end(std::int64_t now_ms);
};

}  // namespace vineyard::os
