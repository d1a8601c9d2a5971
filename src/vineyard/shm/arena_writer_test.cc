// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/arena_writer.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "vineyard/shm/fake_region.h"

namespace vineyard::shm {
namespace {

struct ArenaWriterTest : ::testing::Test {
  FakeMemory<ClientControl> control;
  Grants grants{*control};
  std::vector<std::byte> memory = std::vector<std::byte>(4096);
  ArenaWriter arena{ArenaId{17}, 3, memory};
};

TEST_F(ArenaWriterTest, hands_out_aligned_extents_that_do_not_overlap) {
  EXPECT_EQ(arena.reserve(1), 0u);
  EXPECT_EQ(arena.reserve(65), 64u);
  EXPECT_EQ(arena.reserve(0), 192u);
  EXPECT_EQ(arena.reserve(64), 256u);
}
TEST_F(ArenaWriterTest, refuses_what_does_not_fit) {
  EXPECT_EQ(arena.reserve(4097), std::nullopt);
  EXPECT_EQ(arena.reserve(~std::uint64_t{0}), std::nullopt);
  EXPECT_EQ(arena.reserve(4096), 0u);
  EXPECT_EQ(arena.reserve(1), std::nullopt);
}
TEST_F(ArenaWriterTest, names_places_by_its_number_in_the_list) {
  EXPECT_EQ(arena.own_place(128).arena().value, 3u);
  EXPECT_EQ(arena.own_place(128).offset(), 128u);
}
TEST_F(ArenaWriterTest, is_not_empty_while_bytes_are_placed_and_not_published) {
  EXPECT_TRUE(arena.is_empty(grants));
  (void)arena.reserve(10);
  EXPECT_FALSE(arena.is_empty(grants));
}
TEST_F(ArenaWriterTest, is_not_empty_before_its_last_record_was_taken) {
  (void)arena.reserve(10);
  arena.closed(6);
  control->harvested.store(6);
  EXPECT_FALSE(arena.is_empty(grants)) << "position 6 was not taken";
  control->arena_present[3].store(1);
  control->harvested.store(7);
  EXPECT_FALSE(arena.is_empty(grants)) << "it is there";
  control->arena_present[3].store(0);
  EXPECT_TRUE(arena.is_empty(grants));
  arena.start_again();
  EXPECT_EQ(arena.reserve(1), 0u);
}
TEST_F(ArenaWriterTest, takes_the_last_extent_back_when_it_is_given_up) {
  (void)arena.reserve(100);
  const auto second = arena.reserve(100);
  arena.given_up(*second, 100);
  EXPECT_EQ(arena.reserve(100), second);
  arena.given_up(0, 100);
  EXPECT_EQ(arena.reserve(100), 256u) << "the first is not the last";
}
TEST_F(ArenaWriterTest, takes_back_what_was_not_needed) {
  (void)arena.reserve(1000);
  arena.shrunk(0, 1000, 100);
  EXPECT_EQ(arena.reserve(1), 128u);
}
TEST_F(ArenaWriterTest, says_once_what_was_never_touched) {
  EXPECT_EQ(arena.claim_untouched(0, 100, 0).size(), 100u);
  EXPECT_EQ(arena.claim_untouched(0, 100, 1000).size(), 0u);
  EXPECT_EQ(arena.claim_untouched(50, 100, 0).size(), 50u);
  EXPECT_EQ(arena.claim_untouched(1000, 1000, 1000).size(), 2000u);
  EXPECT_EQ(arena.claim_untouched(2500, 100, 1000).size(), 0u);
  EXPECT_EQ(arena.claim_untouched(4000, 96, 1000).size(), 96u);
}

// Property: whatever the order of reserving, publishing, giving up and harvesting, no two extents
// that somebody can still see or write overlap.
TEST_F(ArenaWriterTest, never_hands_out_bytes_that_are_still_in_use) {
  std::mt19937 random(20261124);
  std::map<std::uint64_t, std::uint64_t> open, waiting, live;  // offset -> size
  std::map<std::uint64_t, std::uint64_t> position_of;
  std::uint64_t tail = 0;
  const auto overlaps = [](const auto& in, std::uint64_t offset, std::uint64_t size) {
    for (const auto& [o, s] : in)
      if (offset < o + extent_step(s) && o < offset + extent_step(size)) return true;
    return false;
  };
  for (int step = 0; step < 100'000; ++step) {
    switch (random() % 5) {
      case 0: {
        const std::uint64_t size = random() % 700;
        if (arena.is_empty(grants)) arena.start_again();
        const auto offset = arena.reserve(size);
        if (!offset) break;
        ASSERT_FALSE(overlaps(open, *offset, size) || overlaps(waiting, *offset, size) ||
                     overlaps(live, *offset, size))
            << "step " << step;
        open[*offset] = size;
        break;
      }
      case 1:
        if (open.empty()) break;
        arena.closed(tail);
        position_of[open.begin()->first] = tail++;
        waiting.insert(*open.begin());
        open.erase(open.begin());
        break;
      case 2:
        if (open.empty()) break;
        arena.given_up(open.rbegin()->first, open.rbegin()->second);
        open.erase(std::prev(open.end()));
        break;
      case 3: {
        const std::uint64_t h = control->harvested.load();
        for (auto w = waiting.begin(); w != waiting.end(); ++w) {
          if (position_of[w->first] != h) continue;
          control->arena_present[3].fetch_add(1);
          live.insert(*w);
          waiting.erase(w);
          control->harvested.store(h + 1);
          break;
        }
        break;
      }
      case 4:
        if (live.empty()) break;
        live.erase(live.begin());
        control->arena_present[3].fetch_sub(1);
        break;
    }
  }
}

}  // namespace
}  // namespace vineyard::shm
