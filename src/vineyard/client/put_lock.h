// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "vineyard/client/pins.h"
#include "vineyard/shm/pin_table.h"

namespace vineyard::client {

/// A mutex that takes one locked instruction: giving it back takes none. Who has to wait says so, and
/// then makes every thread of this process pass a barrier; so the holder sees it when it gives the
/// lock back, or has given it back already. That is the asymmetry of pins, between threads.
///
/// Owner:   the Writer; used by std::lock_guard and std::unique_lock.
/// Threads: any number at once.
/// Always:  one holder at a time. Nobody sleeps while nobody holds it.
class PutLock {
 public:
  explicit PutLock(const Pins& pins) : pins_(pins) {}
  ~PutLock() = default;
  PutLock(const PutLock&) = delete;
  PutLock& operator=(const PutLock&) = delete;

  void lock() noexcept {
    if (!try_lock()) [[unlikely]]
      wait_for_it();
  }
  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t state = kFree;
    return state_.compare_exchange_strong(state, kHeld, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  void unlock() noexcept {
    state_.store(kFree, std::memory_order_release);
    // Partner: the private barrier in wait_for_it. Who waits is seen here, or sees that it is free.
    shm::pin_barrier(pins_.barrier());
    if (waiting_.load(std::memory_order_relaxed) != 0) [[unlikely]]
      wake_one();
  }

 private:
  enum : std::uint32_t { kFree, kHeld };
  void wait_for_it() noexcept;
  void wake_one() noexcept;

  const Pins& pins_;
  std::atomic<std::uint32_t> state_{kFree};
  std::atomic<std::uint32_t> waiting_{0};
};

}  // namespace vineyard::client
