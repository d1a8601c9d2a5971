// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/pins.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "vineyard/client/client_test_support.h"
#include "vineyard/os/membarrier.h"
#include "vineyard/os/test_child.h"

namespace vineyard::client {
namespace {

constexpr ObjectId kId = ObjectId::make(BlockId{9}, EntryIndex{8}, Generation{7});
constexpr ObjectId kOther = ObjectId::make(BlockId{9}, EntryIndex{9}, Generation{7});

// What a get does with its pins.
std::uint32_t pin(Pins& pins, FakeTables& tables, ObjectId id) {
  const std::uint32_t slot = pins.take_slot(tables).value();
  for (;;) {
    const std::uint32_t forks = pins.begin(tables).value();
    pins.pin(slot, id);
    if (pins.still_ours(forks)) return slot;
  }
}
// A fork without a child: the handlers run, the tables are from then on somebody else's.
void fork_once() {
  EXPECT_EQ(os::run_in_child([] { return 0; }), 0);
}

TEST(Pins, a_pin_stands_in_the_table_until_it_is_released) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  const std::uint32_t slot = pin(*pins, tables, kId);
  EXPECT_EQ(tables.scan(kId), 1);
  pins->clear(slot);
  EXPECT_EQ(tables.scan(kId), 0);
  pins->pin(slot, kOther);
  EXPECT_EQ(tables.scan(kOther), 1);
  pins->release(slot);
  EXPECT_EQ(tables.scan(kOther), 0);
}
TEST(Pins, use_the_lowest_slots_first_and_then_those_released_last) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  EXPECT_EQ(pin(*pins, tables, kId), 0u);
  EXPECT_EQ(pin(*pins, tables, kId), 1u);
  EXPECT_EQ(pin(*pins, tables, kId), 2u);
  pins->release(1);
  pins->release(0);
  EXPECT_EQ(pin(*pins, tables, kId), 0u);
  EXPECT_EQ(pins->high_water(), 8u) << "a cache line of the table at a time";
}
TEST(Pins, grow_by_further_tables) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  for (std::uint32_t i = 0; i < 3 * limits::kPinSlots; ++i) EXPECT_EQ(pin(*pins, tables, kId), i);
  EXPECT_EQ(tables.count(), 3u);
  EXPECT_EQ(tables.scan(kId), static_cast<int>(3 * limits::kPinSlots));
}
TEST(Pins, say_when_no_table_is_to_be_had) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  tables.limit(0);
  for (std::uint32_t i = 0; i < limits::kPinSlots; ++i) (void)pin(*pins, tables, kId);
  EXPECT_EQ(pins->take_slot(tables).error().code(), ErrorCode::kUnavailable);
  pins->release(17);
  EXPECT_EQ(pins->take_slot(tables).value(), 17u);
}

// In a child, which is not registered yet: whether a process with a second thread has pins that fence before many
// gets, and whether it has after them.
enum class Registering { kAllowed, kNot };
int fences_before_and_after(Registering registering) {
  return os::run_in_child([registering] {
    std::atomic<bool> over = false;
    std::thread second([&] { over.wait(false); });
    FakeTables tables;
    const auto pins = make_pins(tables);
    if (registering == Registering::kAllowed) pins->register_when_worthwhile();
    const bool before = pins->barrier() == shm::PinBarrier::kFence;
    for (int n = 0; n < 600'000; ++n) pins->release(pin(*pins, tables, kId));
    const bool after = pins->barrier() == shm::PinBarrier::kFence;
    over = true;
    over.notify_all();
    second.join();
    return (before ? 2 : 0) + (after ? 1 : 0);
  });
}
TEST(Pins, fence_in_a_process_with_threads_until_registering_it_is_worth_the_time) {
  EXPECT_EQ(fences_before_and_after(Registering::kAllowed), os::membarrier_available() ? 2 : 3);
}
TEST(Pins, fence_for_ever_where_the_worker_needs_it) {
  EXPECT_EQ(fences_before_and_after(Registering::kNot), 3);
}

TEST(PinsFork, a_parent_clears_nothing_in_the_table_of_its_children) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  const std::uint32_t slot = pin(*pins, tables, kId);
  fork_once();
  pins->release(slot);
  EXPECT_EQ(tables.scan(kId), 1) << "the child's view";
}
TEST(PinsFork, the_next_pin_moves_to_a_new_table_with_what_is_still_held) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  const std::uint32_t held = pin(*pins, tables, kId);
  const std::uint32_t dropped = pin(*pins, tables, kOther);
  fork_once();
  pins->release(dropped);
  const std::uint32_t fresh = pin(*pins, tables, kOther);
  EXPECT_EQ(tables.count(), 2u);
  EXPECT_EQ(tables.scan(kId, 1), 1);
  EXPECT_EQ(tables.scan(kOther, 1), 1);
  EXPECT_EQ(tables.scan(kId), 2) << "and in the children's";
  pins->release(held);
  pins->release(fresh);
  EXPECT_EQ(tables.scan(kId, 1), 0);
  EXPECT_EQ(tables.scan(kOther, 1), 0);
  EXPECT_EQ(tables.scan(kId), 1);
}
TEST(PinsFork, a_pin_in_progress_notices) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  const std::uint32_t slot = pins->take_slot(tables).value();
  const std::uint32_t forks = pins->begin(tables).value();
  pins->pin(slot, kId);
  fork_once();
  EXPECT_FALSE(pins->still_ours(forks));
  const std::uint32_t again = pins->begin(tables).value();
  pins->pin(slot, kId);
  EXPECT_TRUE(pins->still_ours(again));
  EXPECT_EQ(tables.scan(kId, 1), 1);
}
TEST(PinsFork, needs_no_message_with_a_spare_table) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  pins->keep_spare(tables);
  tables.limit(0);
  fork_once();
  const std::uint32_t slot = pin(*pins, tables, kId);
  EXPECT_EQ(tables.scan(kId, 1), 1);
  pins->release(slot);
}
TEST(PinsFork, a_spare_is_not_inherited_and_the_table_in_use_is) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  pins->keep_spare(tables);
  (void)pin(*pins, tables, kId);
  os::TestChild child([&](const os::UniqueFd& connection) {
    // Were the spare inherited, a store of the child would show; there is a hole instead.
    pins->clear(0);  // frozen here too: the child's copy of the counts says so
    os::tell(connection);
    return os::hear(connection) ? 1 : 0;
  });
  ASSERT_TRUE(os::hear(child.connection()));
  EXPECT_EQ(tables.scan(kId), 1);
}
TEST(PinsFork, without_a_table_to_be_had_nothing_changes) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  const std::uint32_t slot = pin(*pins, tables, kId);
  fork_once();
  tables.limit(0);
  EXPECT_EQ(pins->begin(tables).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(tables.scan(kId), 1);
  tables.limit(1);
  EXPECT_TRUE(pins->begin(tables));
  EXPECT_EQ(tables.scan(kId, 1), 1);
  pins->release(slot);
}
TEST(PinsFork, replaces_several_tables_at_once) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  std::vector<std::uint32_t> slots;
  for (std::uint32_t i = 0; i < 1100; ++i) slots.push_back(pin(*pins, tables, kId));
  fork_once();
  for (std::uint32_t i = 0; i < 600; ++i) pins->release(slots[i]);
  ASSERT_TRUE(pins->begin(tables));
  EXPECT_EQ(tables.count(), 6u);
  EXPECT_EQ(tables.scan(kId, 3), 500);
}

// Threads pin and release while the process forks again and again. Whatever a thread holds and has
// confirmed must stand in a table that is ours; whatever is released must in the end be gone from
// it.
TEST(PinsFork, threads_that_pin_and_release_meanwhile_lose_no_pin_and_leave_none) {
  FakeTables tables;
  const auto pins = make_pins(tables);
  std::atomic<bool> stop{false};
  std::atomic<int> lost{0};
  std::atomic<std::uint64_t> rounds{0};
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (std::uint32_t n = 0; !stop.load(); ++n) {
        const ObjectId mine = ObjectId::make(BlockId{t + 1}, EntryIndex{n & 0xffff}, Generation{1});
        std::vector<std::uint32_t> slots;
        for (std::uint32_t i = 0; i < 1 + random() % 4; ++i)
          slots.push_back(pin(*pins, tables, mine));
        // In the children's table or in ours, or in both; never in none.
        if (random() % 64 == 0 && tables.scan(mine) < static_cast<int>(slots.size())) ++lost;
        for (const std::uint32_t s : slots) pins->release(s);
        ++rounds;
      }
    });
  }
  for (int i = 0; i < 60; ++i) {
    fork_once();
    const std::uint64_t before = rounds.load();
    while (rounds.load() < before + 20) std::this_thread::yield();
  }
  stop = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(lost, 0);
  ASSERT_TRUE(pins->begin(tables));
  EXPECT_TRUE(pins->all_released());
  // The last table is ours alone and empty.
  const std::size_t last = tables.count() - 1;
  for (std::uint32_t t = 0; t < 3; ++t) {
    for (std::uint32_t n = 0; n < 0x10000; n += 997) {
      EXPECT_EQ(tables.scan(ObjectId::make(BlockId{t + 1}, EntryIndex{n}, Generation{1}), last), 0);
    }
  }
}

}  // namespace
}  // namespace vineyard::client
