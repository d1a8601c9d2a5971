// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/base/units.h"
#include "vineyard/os/child.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/os/socket.h"
#include "vineyard/os/unique_fd.h"
#include "vineyard/supervisor/abi.h"
#include "vineyard/supervisor/hold_table.h"

namespace vineyard::supervisor {

/// What `run` is told.
struct Options {
  os::UnixListener listener;
  os::UniqueFd worker_library;  // loaded by each forked worker, whatever its path means by then
  ByteCount region_size{kRegionBytes};
  std::vector<std::string> arguments;  // the worker's argv
  void (*log)(std::string_view line) = nullptr;
};

/// Keeps an instance alive: holds every descriptor, forks the worker again when it dies, and has a
/// standby that takes over when it dies itself. Parses nothing that a client sent.
///
/// Owner:   vineyardd's main; the standby inherits it by fork and goes on with it.
/// Threads: none but its own, so that what is forked from it is whole.
/// Always:  the standby holds what the worker was told is held; one worker writes the region.
class Supervisor {
 public:
  /// Makes the region: mapped writable here, then sealed, so that only forked workers write it.
  [[nodiscard]] static Result<Supervisor> create(Options options);

  /// Runs the instance until it is stopped (SIGTERM, SIGINT, or the worker asks) and returns the
  /// exit status. A worker, and a standby that took over, exit by themselves.
  [[nodiscard]] int run();

 private:
  enum class State { kRunning, kStopping };

  Supervisor() = default;
  int supervise();
  [[nodiscard]] int wait_ms() const;
  void on_signal();

  void start_worker();
  [[noreturn]] void become_worker(pid_t parent, os::UniqueFd socket);
  void on_worker_message();
  [[nodiscard]] std::uint8_t keep(const HoldMessage& message, std::vector<os::UniqueFd> fds);
  void on_worker_end();

  void start_standby();
  void replace_standby(std::string_view why);
  void forward(const HoldMessage& message);
  [[noreturn]] void stand_by(os::UniqueFd socket, pid_t supervisor, os::UniqueFd supervisor_pidfd);
  bool obey_supervisor(os::UniqueFd& socket);
  void take_over();

  void stop();
  void log(const std::string& line) const { options_.log(line); }

  Options options_;
  os::UniqueFd region_;
  os::MappedRegion region_writable_;
  os::UniqueFd signals_;
  HoldTable holds_;
  os::Child worker_;  // its pidfd stands in holds_, so that the standby has it too

  os::Child standby_;
  os::RestartDelay worker_backoff_;
  os::RestartDelay standby_backoff_;
  State state_ = State::kRunning;
  bool predecessor_fault_ = false;
  bool first_worker_ = true;
  int exit_status_ = 0;
};

}  // namespace vineyard::supervisor
