// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/slot_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "vineyard/client/process.h"
#include "vineyard/os/test_child.h"

namespace vineyard::client {
namespace {

constexpr std::uint32_t kFew = 8;

std::unique_ptr<SlotPool> make_pool(std::uint32_t slots) {
  auto pool = std::make_unique<SlotPool>(SlotPool::map_memory().value());
  pool->add(0, slots);
  return pool;
}
std::vector<std::uint32_t> take_all(SlotPool& pool) {
  std::vector<std::uint32_t> slots;
  for (std::uint32_t s = pool.take(); s != SlotPool::kNone; s = pool.take()) slots.push_back(s);
  return slots;
}
void give_all(SlotPool& pool, const std::vector<std::uint32_t>& slots) {
  for (const std::uint32_t s : slots) pool.give(s);
}
template <class Body>
void in_thread(Body&& body) {
  std::thread(std::forward<Body>(body)).join();
}

TEST(SlotPool, gives_the_lowest_fresh_slot_first_and_then_the_one_given_last) {
  const auto pool = make_pool(kFew);
  EXPECT_EQ(pool->take(), 0u);
  EXPECT_EQ(pool->take(), 1u);
  pool->give(0);
  EXPECT_EQ(pool->take(), 0u);
  EXPECT_EQ(take_all(*pool).size(), kFew - 2);
  EXPECT_EQ(pool->take(), SlotPool::kNone);
}
TEST(SlotPool, counts_what_is_in_use) {
  const auto pool = make_pool(kFew);
  EXPECT_EQ(pool->in_use(), 0u);
  const std::uint32_t slot = pool->take();
  EXPECT_EQ(pool->in_use(), 1u);
  in_thread([&] { pool->give(slot); });
  EXPECT_EQ(pool->in_use(), 0u);
}
TEST(SlotPool, takes_each_slot_once_however_many_there_are) {
  const auto pool = make_pool(1000);
  for (int round = 0; round < 3; ++round) {
    const auto slots = take_all(*pool);
    EXPECT_EQ(std::set(slots.begin(), slots.end()).size(), 1000u);
    EXPECT_EQ(pool->in_use(), 1000u);
    give_all(*pool, slots);
    EXPECT_EQ(pool->in_use(), 0u);
  }
}
TEST(SlotPool, keeps_from_other_threads_no_more_than_a_lane) {
  const auto pool = make_pool(1000);
  give_all(*pool, take_all(*pool));
  in_thread([&] {
    const auto slots = take_all(*pool);
    EXPECT_GE(slots.size(), 1000u - SlotPool::kLaneSlots);
    give_all(*pool, slots);
  });
}
TEST(SlotPool, slots_taken_here_and_given_there_come_back) {
  const auto pool = make_pool(3 * SlotPool::kLaneSlots);
  for (int n = 0; n < 20; ++n) {
    std::vector<std::uint32_t> slots;
    for (std::uint32_t i = 0; i < SlotPool::kLaneSlots; ++i) slots.push_back(pool->take());
    ASSERT_EQ(std::ranges::count(slots, SlotPool::kNone), 0) << "in round " << n;
    in_thread([&] { give_all(*pool, slots); });
  }
  EXPECT_EQ(pool->in_use(), 0u);
}
TEST(SlotPool, the_next_thread_has_what_one_that_ended_kept) {
  const auto pool = make_pool(0);
  in_thread([&] {
    pool->add(0, kFew);
    pool->give(pool->take());
  });
  in_thread([&] { EXPECT_EQ(take_all(*pool).size(), kFew); });
}
TEST(SlotPool, of_one_context_knows_nothing_of_another_one) {
  const auto one = make_pool(kFew);
  const auto other = make_pool(0);
  EXPECT_EQ(other->take(), SlotPool::kNone);
  other->add(5, 1);
  EXPECT_EQ(other->take(), 5u);
  EXPECT_EQ(one->take(), 0u);
  EXPECT_EQ(one->in_use(), 1u);
}
TEST(SlotPool, can_end_while_threads_that_used_it_live_on) {
  auto pool = make_pool(kFew);
  std::latch used(1);
  std::latch ended(1);
  std::thread thread([&] {
    pool->give(pool->take());
    used.count_down();
    ended.wait();
    const auto next = make_pool(kFew);
    EXPECT_EQ(next->take(), 0u);
  });
  used.wait();
  pool.reset();
  ended.count_down();
  thread.join();
}

/// Gives a slot when its thread ends, after whatever the pool itself does then.
struct LateGiver {
  SlotPool* pool = nullptr;
  std::uint32_t slot = 0;
  ~LateGiver() {
    if (pool == nullptr) return;
    pool->give(slot);
    slot = pool->take();
    pool->give(slot);
  }
};
TEST(SlotPool, a_slot_can_be_given_by_what_ends_last_in_a_thread) {
  const auto pool = make_pool(0);
  in_thread([&] {
    thread_local LateGiver late;  // made first, so it ends after this thread has left its lane
    late.pool = pool.get();
    pool->add(0, 1);
    late.slot = pool->take();
  });
  EXPECT_EQ(pool->in_use(), 0u);
  EXPECT_EQ(pool->take(), 0u) << "from the shared stack";
}

TEST(SlotPool, works_in_more_threads_than_there_are_lanes) {
  constexpr int kThreads = SlotPool::kLanes + 20;
  const auto pool = make_pool(0);
  std::latch all_there(kThreads);
  std::latch over(1);
  std::mutex adding;
  std::atomic<int> twice{0};
  const auto in_hand = std::make_unique<std::atomic<int>[]>(kThreads);
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      {
        const std::lock_guard lock(adding);
        pool->add(t, 1);
      }
      const std::uint32_t slot = pool->take();
      if (slot == SlotPool::kNone || in_hand[slot].fetch_add(1) != 0) ++twice;
      all_there.count_down();
      over.wait();
      pool->give(slot);
    });
  }
  all_there.wait();
  EXPECT_EQ(pool->in_use(), static_cast<std::uint64_t>(kThreads));
  over.count_down();
  for (auto& t : threads) t.join();
  EXPECT_EQ(twice, 0);
  EXPECT_EQ(pool->in_use(), 0u);
}

TEST(SlotPool, a_child_has_the_lanes_of_its_parents_other_threads) {
  ASSERT_TRUE(Process::here());  // registers the handlers
  const auto pool = make_pool(0);
  std::latch there(SlotPool::kLanes);
  std::latch over(1);
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < SlotPool::kLanes; ++t) {
    threads.emplace_back([&] {
      EXPECT_EQ(pool->take(), SlotPool::kNone);
      there.count_down();
      over.wait();
    });
  }
  there.wait();
  const auto has_lane_after_a_take = [] {
    EXPECT_EQ(make_pool(0)->take(), SlotPool::kNone);
    return internal::thread_lane != 0 ? 1 : 0;
  };
  in_thread([&] { EXPECT_EQ(os::run_in_child(has_lane_after_a_take), 1); });
  in_thread([&] { EXPECT_EQ(has_lane_after_a_take(), 0); });
  over.count_down();
  for (auto& t : threads) t.join();
}

TEST(SlotPool, never_says_that_nothing_is_in_use_while_a_slot_is_kept) {
  const auto pool = make_pool(kFew);
  const std::uint32_t kept = pool->take();
  std::atomic<bool> over{false};
  std::thread other([&] {
    pool->add(kFew, kFew);  // what was added before is in the lane of the test's thread
    for (int n = 0; n < 300'000; ++n) pool->give(pool->take());
    over = true;
  });
  int unseen = 0;
  while (!over) unseen += pool->in_use() == 0;
  other.join();
  EXPECT_EQ(unseen, 0);
  pool->give(kept);
  EXPECT_EQ(pool->in_use(), 0u);
}

// What a thread takes it hands to another one, which gives it: every slot is in one hand at a time,
// and the count never says that all are idle while somebody keeps one.
TEST(SlotPool, gives_every_slot_to_one_thread_at_a_time_while_threads_come_and_go) {
  constexpr std::uint32_t kSlots = 200;
  const auto pool = make_pool(kSlots);
  const std::uint32_t kept = pool->take();
  std::atomic<int> twice{0};
  std::atomic<int> unseen{0};
  std::atomic<bool> stop{false};
  std::vector<std::atomic<int>> in_hand(kSlots);
  std::vector<std::atomic<std::uint32_t>> mailbox(4);
  for (auto& m : mailbox) m = SlotPool::kNone;
  std::thread counting([&] {
    while (!stop) unseen += pool->in_use() == 0;
  });
  for (std::uint32_t generation = 0; generation < 5; ++generation) {
    std::vector<std::thread> threads;
    for (std::uint32_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(generation * 4 + t);
        for (int i = 0; i < 5'000; ++i) {
          std::vector<std::uint32_t> mine;
          for (std::uint32_t n = 0; n < random() % 100; ++n) {
            const std::uint32_t slot = pool->take();
            if (slot == SlotPool::kNone) break;
            if (in_hand[slot].fetch_add(1) != 0) ++twice;
            mine.push_back(slot);
          }
          if (!mine.empty()) std::swap(mine.back(), mine.front());
          for (std::uint32_t slot : mine) {
            slot = mailbox[random() % 4].exchange(slot);
            if (slot == SlotPool::kNone) continue;
            in_hand[slot].fetch_sub(1);
            pool->give(slot);
          }
        }
      });
    }
    for (auto& t : threads) t.join();
  }
  stop = true;
  counting.join();
  EXPECT_EQ(twice, 0);
  EXPECT_EQ(unseen, 0);
  for (auto& m : mailbox) {
    if (m != SlotPool::kNone) pool->give(m);
  }
  EXPECT_EQ(pool->in_use(), 1u);
  pool->give(kept);
  EXPECT_EQ(pool->in_use(), 0u);
}

}  // namespace
}  // namespace vineyard::client
