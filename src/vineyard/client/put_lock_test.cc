// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/put_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "vineyard/client/client_test_support.h"

namespace vineyard::client {
namespace {

std::unique_ptr<Pins> pins_with(FakeTables& tables, shm::PinBarrier barrier) {
  return Pins::create(*Process::here().value(), tables.new_table().value(), barrier).value();
}

/// With the barriers of a registered process, and with those of one that is not.
class PutLockBarriers : public testing::TestWithParam<bool> {
 protected:
  FakeTables tables_;
  std::unique_ptr<Pins> pins_ =
      GetParam() ? pins_with(tables_, shm::PinBarrier::kFence) : make_pins(tables_);
  PutLock lock_{*pins_};

  // What so many threads count together, each so many times under the lock; `hold` is done meanwhile.
  template <class Hold>
  int count_by(int threads, int times, Hold hold) {
    int count = 0;
    std::vector<std::jthread> counting;
    for (int t = 0; t < threads; ++t) {
      counting.emplace_back([&] {
        for (int n = 0; n < times; ++n) {
          const std::lock_guard lock(lock_);
          hold();
          ++count;
        }
      });
    }
    counting.clear();
    return count;
  }
};

TEST_P(PutLockBarriers, has_one_holder_at_a_time) {
  EXPECT_EQ(count_by(4, 20'000, [] {}), 4 * 20'000);
}

// Held for longer than anybody looks: everybody sleeps, and whoever is not woken hangs here.
TEST_P(PutLockBarriers, wakes_everybody_who_waits) {
  std::atomic<int> held{0};
  const auto hold = [&] {
    for (int i = 0; i < 2000; ++i) held.fetch_add(1);
  };
  EXPECT_EQ(count_by(5, 300, hold), 5 * 300);
}

TEST_P(PutLockBarriers, is_refused_while_somebody_holds_it) {
  std::unique_lock lock(lock_);
  EXPECT_FALSE(lock_.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock_.try_lock());
  lock_.unlock();
}

INSTANTIATE_TEST_SUITE_P(PutLock, PutLockBarriers, testing::Values(false, true));

}  // namespace
}  // namespace vineyard::client
