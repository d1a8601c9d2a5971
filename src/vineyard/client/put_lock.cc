// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/put_lock.h"

#include "vineyard/client/process.h"
#include "vineyard/os/membarrier.h"

namespace vineyard::client {
namespace {
// A put of a small blob holds the lock for a fraction of a microsecond: some looks, and then a sleep.
constexpr int kLooks = 100;
}  // namespace

void PutLock::wait_for_it() noexcept {
  for (int n = 0; n < kLooks; ++n) {
    if (state_.load(std::memory_order_relaxed) == kFree && try_lock()) return;
  }
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  private_barrier();
  while (!try_lock()) state_.wait(kHeld, std::memory_order_relaxed);
  waiting_.fetch_sub(1, std::memory_order_relaxed);
}

// The others go on waiting: whoever gets the lock now sees them when it gives it back.
void PutLock::wake_one() noexcept {
  os::full_fence();  // notify looks whether somebody sleeps: not before the lock is seen to be free
  state_.notify_one();
}

}  // namespace vineyard::client
