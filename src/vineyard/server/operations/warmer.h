// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

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
  using Done = std::function<void(bool touched)>;

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

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace vineyard::server
