// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace vineyard::hostile {

/// What the processes of an instance use together.
struct Usage {
  std::int64_t resident_bytes = 0;
  std::int64_t descriptors = 0;
};

/// Looks at the processes of a daemon from outside: a worker that died and was replaced is a death, too.
///
/// Owner:   who attacks.
/// Threads: one.
/// Always:  the processes are those that ran when it was made.
class DaemonWatch {
 public:
  /// The process `pid` and all that descend from it.
  explicit DaemonWatch(pid_t pid);

  [[nodiscard]] const std::vector<pid_t>& processes() const { return processes_; }
  /// How many of them do not run any more.
  [[nodiscard]] int deaths() const;
  [[nodiscard]] Usage usage() const;

 private:
  std::vector<pid_t> processes_;
};

}  // namespace vineyard::hostile
