// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vineyard/os/poll.h"
#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"

// For tests only: children that never outlive their test.
namespace vineyard::os {

/// Runs `body` in a forked child. Returns its exit status, or minus the signal that ended it.
template <class Body>
int run_in_child(Body&& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(120);  // the watchdog: a child that hangs ends by SIGALRM
    ::_exit(body());
  }
  int raw = 0;
  ::waitpid(pid, &raw, 0);
  return WIFSIGNALED(raw) ? -WTERMSIG(raw) : WEXITSTATUS(raw);
}

/// A forked child that runs beside its test, and a connection to it. Killed with the object.
///
/// Owner:   the test.
/// Threads: one.
/// Always:  the child is waited for exactly once.
class TestChild {
 public:
  /// `body(const UniqueFd& connection)` runs in the child; its result is the exit status.
  template <class Body>
  explicit TestChild(Body&& body) {
    auto ends = socket_pair().value();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(120);
      ends.first.reset();
      ::_exit(body(std::as_const(ends.second)));
    }
    connection_ = std::move(ends.first);
  }
  ~TestChild() { kill(); }
  TestChild(const TestChild&) = delete;
  TestChild& operator=(const TestChild&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const UniqueFd& connection() const { return connection_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  /// Exit status, or minus the signal.
  int wait() {
    int raw = 0;
    ::waitpid(std::exchange(pid_, -1), &raw, 0);
    return WIFSIGNALED(raw) ? -WTERMSIG(raw) : WEXITSTATUS(raw);
  }

 private:
  pid_t pid_ = -1;
  UniqueFd connection_;
};

/// One byte each way: "I am there", "go on".
inline void tell(const UniqueFd& connection) {
  const char byte = 1;
  if (::write(connection.get(), &byte, 1) != 1) ::_exit(99);
}
/// Whether the other side told something (false: it is gone).
inline bool hear(const UniqueFd& connection) {
  char byte = 0;
  return ::read(connection.get(), &byte, 1) == 1;
}

}  // namespace vineyard::os
