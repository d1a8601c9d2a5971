// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/membarrier.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "vineyard/os/process.h"
#include "vineyard/os/test_child.h"

namespace vineyard::os {
namespace {

TEST(Membarrier, registers_and_passes_or_says_that_it_is_not_there) {
  if (!membarrier_available()) {
    EXPECT_FALSE(global_barrier());
    GTEST_SKIP() << "no membarrier here";
  }
  EXPECT_TRUE(global_barrier());  // who passes it need not be registered
  EXPECT_TRUE(register_for_global_barrier());
  EXPECT_TRUE(register_for_global_barrier());
  EXPECT_TRUE(global_barrier());
}
TEST(Membarrier, the_private_one_needs_registration_first) {
  if (!membarrier_available()) GTEST_SKIP() << "no membarrier here";
  EXPECT_EQ(run_in_child([] {
              const auto early = private_barrier();
              if (early || early.error().code() != ErrorCode::kDenied) return 1;
              if (!register_for_private_barrier()) return 2;
              return private_barrier() ? 0 : 3;
            }),
            0);
}

// Dekker's pattern with the price on one side: the frequent side stores and loads with a compiler
// barrier between. Both missing the other's store is what the barrier rules out.
TEST(Membarrier, one_of_two_sides_always_sees_the_other) {
  if (!membarrier_available() || !register_for_global_barrier())
    GTEST_SKIP() << "no membarrier here";
  alignas(64) std::atomic<unsigned> pin{0};
  alignas(64) std::atomic<unsigned> busy{0};
  alignas(64) std::atomic<unsigned> reader_saw{0};
  alignas(64) std::atomic<unsigned> round{0};
  constexpr unsigned kRounds = 2000;
  std::thread reader([&] {
    for (unsigned i = 1; i <= kRounds; ++i) {
      while (round.load(std::memory_order_acquire) < i) std::this_thread::yield();
      pin.store(i, std::memory_order_relaxed);
      light_barrier();
      const unsigned seen = busy.load(std::memory_order_acquire);
      reader_saw.store(2 * i + (seen == i ? 1 : 0), std::memory_order_release);
    }
  });
  unsigned both_missed = 0;
  for (unsigned i = 1; i <= kRounds; ++i) {
    round.store(i, std::memory_order_release);
    busy.store(i, std::memory_order_relaxed);
    ASSERT_TRUE(global_barrier());
    const bool saw_pin = pin.load(std::memory_order_acquire) == i;
    while (reader_saw.load(std::memory_order_acquire) < 2 * i) std::this_thread::yield();
    const bool reader_saw_busy = (reader_saw.load(std::memory_order_acquire) & 1) != 0;
    both_missed += !saw_pin && !reader_saw_busy ? 1 : 0;
  }
  reader.join();
  EXPECT_EQ(both_missed, 0U);
}

}  // namespace
}  // namespace vineyard::os
