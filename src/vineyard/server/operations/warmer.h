// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <thread>

#include "vineyard/base/mutex.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::server {

/// Touches the pages of arenas in a thread of its own, so that nobody waits for first touches in the loop. Touching
/// goes through the descriptor (fallocate), so nothing is written into memory that could have another owner (R14).
///
/// Owner:   Instance.
/// Threads: `touch` from the loop; the callback runs in the warmer's thread and only posts into the loop.
/// Always:  jobs finish in the order in which they came; the destructor waits for the job at hand only.
class Warmer {
 public:
  enum class Outcome : std::uint8_t { kTouched, kNoMemory };
  using Done = std::function<void(Outcome)>;

  Warmer() = default;
  ~Warmer();
  Warmer(const Warmer&) = delete;
  Warmer& operator=(const Warmer&) = delete;

  enum class Priority : std::uint8_t { kSomebodyWaits, kSpare };
  void touch(os::UniqueFd fd, std::uint64_t bytes, Priority priority, Done done);
  [[nodiscard]] std::size_t queued() const;

 private:
  struct Job {
    os::UniqueFd fd;
    std::uint64_t bytes;
    Done done;
  };
  void run();

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Job> jobs_ VY_GUARDED_BY(mutex_);
  bool stopping_ VY_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace vineyard::server
