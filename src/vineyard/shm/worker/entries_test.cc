// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/entries.h"

#include <gtest/gtest.h>

#include <unordered_set>

#include "vineyard/base/limits.h"
#include "vineyard/os/process.h"
#include "vineyard/shm/index.h"
#include "vineyard/shm/worker/fakes/fake_host.h"

namespace vineyard::shm {
namespace {

constexpr std::uint32_t kLastGeneration = (1U << ObjectId::kGenerationBits) - 1;

struct EntriesTest : ::testing::Test {
  os::MappedRegion memory = os::MappedRegion::map_anonymous(ByteCount(sizeof(Region))).value();
  Region& region = *memory.as<Region>();
  FakeBlocks blocks;
  Entries entries{region, blocks};
  EntriesTest() { EXPECT_TRUE(entries.prepare()); }

  // As after many uses: the entry's next id is the last of its block.
  void age(EntryIndex i) {
    const auto block = entries.id(i).block();
    entries.at(i).word.store(
        make_word(ObjectId::make(block, i, {kLastGeneration}), State::kLeased));
  }
  void fill_free_list() {
    std::vector<ObjectId> leased;
    for (std::uint32_t n = 0; n <= limits::kFreeEntriesKept; ++n)
      leased.push_back(entries.lease(1).value());
    for (ObjectId id : leased) entries.free(id.index());
  }
};

TEST_F(EntriesTest, prepare_takes_a_current_block_and_a_spare_one_and_does_so_once) {
  EXPECT_EQ(region.header.current_block.load(), 1001u);
  EXPECT_EQ(region.header.next_block.load(), 1002u);
  ASSERT_TRUE(entries.prepare());
  EXPECT_EQ(region.header.next_block.load(), 1002u);
}

TEST_F(EntriesTest, prepare_says_when_no_block_is_left) {
  region.header.next_block.store(0);
  blocks.left = 0;
  EXPECT_EQ(entries.prepare().error().code(), ErrorCode::kFull);
}

TEST_F(EntriesTest, lends_an_entry_that_holds_its_id_with_or_without_the_blob_bit) {
  const ObjectId id = entries.lease(7ULL << 32 | 5).value();
  EXPECT_EQ(entries.state(id.index()), State::kLeased);
  EXPECT_EQ(entries.at(id.index()).lease.load(), 7ULL << 32 | 5);
  EXPECT_TRUE(entries.holds(id));
  EXPECT_TRUE(entries.holds(id.with_blob_bit()));
  EXPECT_FALSE(entries.holds(ObjectId::make(id.block(), id.index(), {id.generation().value + 1})));
}

TEST_F(EntriesTest, a_live_entry_holds_exactly_its_own_id) {
  const ObjectId id = entries.lease(1).value().with_blob_bit();
  entries.make_live(id, {Place(ArenaId{3}, 640), 100});
  EXPECT_TRUE(entries.holds(id));
  EXPECT_FALSE(entries.holds(id.without_blob_bit()));
  EXPECT_EQ(entries.id(id.index()), id);
  EXPECT_EQ(entries.extent(id.index()), (Extent{Place(ArenaId{3}, 640), 100}));
}

TEST_F(EntriesTest, a_live_entry_says_since_when_and_the_next_lease_takes_the_place_of_that) {
  const auto before = static_cast<std::uint64_t>(os::wall_clock_ms());
  const ObjectId id = entries.lease(7ULL << 32 | 5).value();
  EXPECT_EQ(load_since(entries.at(id.index())), 0u);
  entries.make_live(id, {});
  const std::uint64_t since = load_since(entries.at(id.index()));
  EXPECT_GE(since, before);
  EXPECT_LE(since, static_cast<std::uint64_t>(os::wall_clock_ms()));
  entries.at(id.index()).lease.store(kSince | 12345);
  entries.note_since(id.index());
  EXPECT_EQ(load_since(entries.at(id.index())), 12345u) << "what was said stays";
  fill_free_list();
  entries.free(id.index());
  while (entries.lease(9ULL << 32 | 6).value().index() != id.index()) {
  }
  EXPECT_EQ(load_lease(entries.at(id.index())).serial, 9u);
}

TEST_F(EntriesTest, a_freed_id_is_over_and_the_next_generation_comes_without_the_blob_bit) {
  const ObjectId id = entries.lease(1).value().with_blob_bit();
  entries.make_live(id, {});
  entries.free(id.index());
  EXPECT_FALSE(entries.holds(id));
  EXPECT_EQ(entries.state(id.index()), State::kFree);
  EXPECT_EQ(entries.id(id.index()), ObjectId::make(id.block(), id.index(), {1}));
  EXPECT_FALSE(entries.holds(entries.id(id.index()))) << "free entries hold nothing";
}

TEST_F(EntriesTest, holds_nothing_beyond_the_high_water_mark) {
  EXPECT_FALSE(entries.holds(ObjectId::make({1001}, {5}, {0})));
  EXPECT_FALSE(entries.holds(ObjectId::make({1001}, {limits::kEntries - 1}, {0})));
  EXPECT_FALSE(entries.holds(ObjectId::empty_blob()));
  EXPECT_FALSE(entries.holds(ObjectId::invalid()));
  (void)entries.lease(1);
  EXPECT_FALSE(entries.holds(ObjectId::empty_blob()));
}

TEST_F(EntriesTest, the_mark_rises_before_an_entry_is_lent_for_the_first_time) {
  EXPECT_EQ(entries.touched(), 0u);
  const ObjectId id = entries.lease(1).value();
  EXPECT_EQ(entries.touched(), id.index().value + 1);
}

TEST_F(EntriesTest, reuses_entries_oldest_first_and_only_when_enough_are_free) {
  fill_free_list();
  EXPECT_EQ(entries.free_count(), limits::kFreeEntriesKept + 1);
  const ObjectId oldest = entries.lease(1).value();
  EXPECT_EQ(oldest.index().value, 0u);
  EXPECT_EQ(oldest.generation().value, 1u);
  EXPECT_EQ(entries.lease(1).value().index().value, limits::kFreeEntriesKept + 1)
      << "a fresh one, enough must stay free";
}

TEST_F(EntriesTest, a_full_index_reuses_what_is_free_and_then_says_that_it_is_full) {
  region.header.entries_touched.store(limits::kEntries - 1);
  const ObjectId last = entries.lease(1).value();
  EXPECT_EQ(last.index().value, limits::kEntries - 1);
  const auto refused = entries.lease(1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kFull);
  entries.free(last.index());
  EXPECT_EQ(entries.lease(1).value(), ObjectId::make(last.block(), last.index(), {1}));
}

TEST_F(EntriesTest, the_first_entry_that_finishes_a_block_moves_everybody_to_the_spare_one) {
  const ObjectId a = entries.lease(1).value(), b = entries.lease(1).value();
  age(a.index());
  entries.free(a.index());
  EXPECT_EQ(entries.id(a.index()), ObjectId::make({1002}, a.index(), {0}));
  EXPECT_EQ(region.header.current_block.load(), 1002u);
  EXPECT_EQ(region.header.next_block.load(), 0u);
  age(b.index());
  entries.free(b.index());
  EXPECT_EQ(entries.id(b.index()), ObjectId::make({1002}, b.index(), {0}));
  EXPECT_EQ(entries.free_count(), 2u);
  ASSERT_TRUE(entries.prepare());
  EXPECT_EQ(region.header.next_block.load(), 1003u);
}

TEST_F(EntriesTest, without_a_block_to_go_to_an_entry_rests_in_no_block_and_is_not_lent_again) {
  const ObjectId id = entries.lease(1).value();
  region.header.next_block.store(0);
  age(id.index());
  entries.free(id.index());
  EXPECT_EQ(entries.id(id.index()).block().value, 0u);
  EXPECT_EQ(entries.free_count(), 0u);
  EXPECT_FALSE(matches(entries.id(id.index()), entries.word(id.index())));
}

TEST_F(EntriesTest, no_id_is_lent_twice_across_generations_and_blocks) {
  fill_free_list();
  std::unordered_set<std::uint64_t> seen;
  for (int n = 0; n < 20000; ++n) {
    const ObjectId id = entries.lease(1).value();
    ASSERT_TRUE(seen.insert(id.value).second) << id.to_string();
    ASSERT_NE(id.block().value, 0u);
    if (id.index().value % 64 == 0 && id.generation().value < 10) age(id.index());
    seen.insert(entries.id(id.index()).value);
    entries.free(id.index());
    ASSERT_TRUE(entries.prepare());
  }
}

TEST_F(EntriesTest, a_detached_lease_names_its_client_until_it_is_published) {
  const ObjectId id = entries.lease_detached(42).value();
  EXPECT_EQ(entries.detached_owner(id.index()), 42u);
  entries.make_live(id, {Place(ArenaId{1}, 0), 42});
  EXPECT_EQ(entries.detached_owner(id.index()), 0u);
  const ObjectId ordinary = entries.lease(42ULL << 32).value();
  EXPECT_EQ(entries.detached_owner(ordinary.index()), 0u);
}

TEST_F(EntriesTest, a_doomed_object_stays_so_through_its_states_until_it_is_freed) {
  const ObjectId id = entries.lease(1).value();
  entries.make_live(id, {});
  EXPECT_FALSE(entries.is_doomed(id.index()));
  entries.doom(id.index());
  entries.set(id.index(), State::kBusy);
  entries.set(id.index(), State::kLive);
  EXPECT_TRUE(entries.is_doomed(id.index()));
  EXPECT_TRUE(entries.holds(id));
  entries.free(id.index());
  EXPECT_FALSE(entries.is_doomed(id.index()));
}

}  // namespace
}  // namespace vineyard::shm
