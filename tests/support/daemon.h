// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace vineyard::testing {

/// A real vineyardd with a socket and state folder of its own, for one test.
///
/// Owner:   the test.
/// Threads: one.
/// Always:  the destructor leaves no process and no file behind, also after a failed test.
class Daemon {
 public:
  explicit Daemon(std::vector<std::string> arguments = {"--size", "256M", "--prefault", "none"},
                  std::vector<std::string> environment = {});
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// What it wrote to standard error so far.
  [[nodiscard]] std::string log() const;
  /// The process that was started; after a take-over it has ended, and somebody else supervises.
  [[nodiscard]] pid_t started() const { return started_; }
  [[nodiscard]] pid_t supervisor() const;
  [[nodiscard]] pid_t worker() const;
  [[nodiscard]] pid_t standby() const;
  [[nodiscard]] bool running() const;
  /// Kills one of them with SIGKILL and waits until another has taken its place.
  void kill_worker();
  void kill_supervisor();
  /// Ends everything cleanly; returns the exit status of the process that was started.
  int stop();

 private:
  [[nodiscard]] pid_t find(const char* role) const;
  [[nodiscard]] std::vector<pid_t> processes() const;
  void end_all();

  std::string folder_;
  std::string socket_;
  pid_t started_ = -1;
};

/// Waits until `condition` holds, with a watchdog that fails the program after a minute.
void wait_until(const char* what, bool (*condition)(void*), void* argument);
template <class F>
void wait_for(const char* what, F condition) {
  wait_until(what, [](void* f) { return static_cast<bool>((*static_cast<F*>(f))()); }, &condition);
}

}  // namespace vineyard::testing
