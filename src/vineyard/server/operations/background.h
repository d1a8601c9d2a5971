// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "vineyard/base/mutex.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::server {

/// Does in a thread of its own what would hold up the loop: first touches of pages, copies of what moves. Touching goes
/// through the descriptor (fallocate), so nothing is written into memory that could have another owner (R14).
///
/// Owner:   Instance.
/// Threads: `touch` and `copy` from the loop; the callback runs in the thread here and only posts into the loop.
/// Always:  what somebody waits for is next, a spare at hand steps back for it; the destructor waits for one step only,
///          and the callbacks of what was not finished are never called.
class Background {
 public:
  enum class Outcome : std::uint8_t { kDone, kNoMemory };
  using Done = std::function<void(Outcome)>;
  enum class Priority : std::uint8_t { kSomebodyWaits, kSpare };
  struct Copy {
    std::byte* to;
    const std::byte* from;
    std::uint64_t size;
  };

  Background() = default;
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void touch(os::UniqueFd fd, std::uint64_t bytes, Priority priority, Done done);
  /// The memory stays valid, and nobody else's, until `done`.
  void copy(std::vector<Copy> copies, Done done);
  [[nodiscard]] std::size_t queued() const;

 private:
  enum class Step : std::uint8_t { kMore, kDone, kNoMemory };
  struct Job {
    std::move_only_function<Step()> step;  // a few milliseconds of the work
    Priority priority;
    Done done;
  };
  void add(Job job);
  void run();
  [[nodiscard]] bool goes_on(Priority priority) const;

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Job> jobs_ VY_GUARDED_BY(mutex_);
  bool stopping_ VY_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace vineyard::server
