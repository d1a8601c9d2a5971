// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/entry.h"

#include <gtest/gtest.h>

#include "vineyard/shm/fake_region.h"
#include "vineyard/shm/index.h"

namespace vineyard::shm {
namespace {

constexpr ObjectId kId = ObjectId::make(BlockId{123}, EntryIndex{4567}, Generation{89});

TEST(Entry, a_word_and_its_index_give_the_id_back) {
  for (const ObjectId id : {kId, kId.with_blob_bit()}) {
    const std::uint64_t word = make_word(id, State::kLive);
    EXPECT_EQ(id_of(id.index(), word), id);
    EXPECT_EQ(state_of(word), State::kLive);
    EXPECT_TRUE(matches(id, word));
  }
}
TEST(Entry, another_generation_block_or_kind_does_not_match) {
  const std::uint64_t word = make_word(kId, State::kLive);
  EXPECT_FALSE(matches(ObjectId::make(BlockId{123}, EntryIndex{4567}, Generation{90}), word));
  EXPECT_FALSE(matches(ObjectId::make(BlockId{124}, EntryIndex{4567}, Generation{89}), word));
  EXPECT_FALSE(matches(kId.with_blob_bit(), word));
}
TEST(Entry, the_blob_bit_is_not_compared_while_leased) {
  EXPECT_TRUE(matches(kId.with_blob_bit(), make_word(kId, State::kLeased)));
  EXPECT_TRUE(matches(kId, make_word(kId, State::kLeased)));
}
TEST(Entry, an_untouched_word_matches_nothing) {
  EXPECT_FALSE(matches(ObjectId(0), 0));
  EXPECT_FALSE(matches(ObjectId::empty_blob(), 0));
}
TEST(IndexReader, does_not_look_beyond_the_high_water_mark) {
  FakeMemory<Region> region;
  IndexReader index(*region);
  EXPECT_EQ(index.find(kId), nullptr);
  region->header.entries_touched.store(4568);
  EXPECT_EQ(index.find(kId), &region->entries[4567]);
  EXPECT_EQ(index.find(ObjectId::make(BlockId{1}, EntryIndex{4568}, {})), nullptr);
}
TEST(IndexReader, clamps_a_wild_high_water_mark) {
  FakeMemory<Region> region;
  IndexReader index(*region);
  region->header.entries_touched.store(~std::uint64_t{0});
  (void)index.find(kId);
  EXPECT_NE(index.find(ObjectId::make(BlockId{1}, EntryIndex{limits::kEntries - 1}, {})), nullptr);
}

}  // namespace
}  // namespace vineyard::shm
