// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/holds.h"

#include <gtest/gtest.h>

#include "vineyard/os/memfd.h"
#include "vineyard/shm/worker/fakes/fake_keeper.h"

namespace vineyard::shm {
namespace {

Held make(Kind kind, std::uint64_t number, std::uint64_t size = 4096) {
  Held held;
  held.facts = {kind, number, 7, 1, size};
  held.fd = os::create_memfd("vineyard-test", ByteCount(size)).value();
  return held;
}

struct HoldsTest : ::testing::Test {
  FakeKeeper keeper;
  Holds holds{keeper};
  Result<void> add(Held held) {
    std::vector<Held> items;
    items.push_back(std::move(held));
    return holds.add(std::move(items));
  }
};

TEST_F(HoldsTest, what_is_added_is_kept_by_the_keeper_too) {
  ASSERT_TRUE(add(make(Kind::kOutbox, 1)));
  EXPECT_NE(holds.find(Kind::kOutbox, 1), nullptr);
  EXPECT_EQ(holds.find(Kind::kPinTable, 1), nullptr);
  EXPECT_EQ(keeper.count(Kind::kOutbox), 1u);
  ASSERT_TRUE(holds.drop(Kind::kOutbox, 1));
  EXPECT_EQ(holds.find(Kind::kOutbox, 1), nullptr);
  EXPECT_EQ(keeper.count(Kind::kOutbox), 0u);
  EXPECT_TRUE(holds.drop(Kind::kOutbox, 1)) << "nothing to do";
}

TEST_F(HoldsTest, what_the_keeper_refuses_is_not_here_either) {
  keeper.refuse_next(1);
  EXPECT_FALSE(add(make(Kind::kOutbox, 1)));
  EXPECT_EQ(holds.find(Kind::kOutbox, 1), nullptr);
}

TEST_F(HoldsTest, is_iterated_in_the_order_of_numbers) {
  for (std::uint64_t n : {5, 1, 3}) ASSERT_TRUE(add(make(Kind::kPinTable, n)));
  std::vector<std::uint64_t> order;
  for (const auto& [number, held] : holds.all(Kind::kPinTable)) order.push_back(number);
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 3, 5}));
}

TEST_F(HoldsTest, a_home_arena_is_mapped_writable_here_and_at_the_keeper_before_it_can_be_sealed) {
  ASSERT_TRUE(add(make(Kind::kHomeArena, 9)));
  Held* held = holds.find(Kind::kHomeArena, 9);
  ASSERT_TRUE(held->writable.valid());
  ASSERT_TRUE(os::seal_against_new_writers(held->fd));
  held->writable.data()[0] = std::byte{42};
  auto inherited = keeper.inherited();
  ASSERT_EQ(inherited.size(), 1u);
  EXPECT_EQ(inherited[0].writable.data()[0], std::byte{42});
  EXPECT_TRUE(keeper.lends_mapping(inherited[0]));
  (void)inherited[0].writable.release();
}

TEST_F(HoldsTest, a_view_is_mapped_once_and_goes_with_what_it_shows) {
  ASSERT_TRUE(add(make(Kind::kOutbox, 1)));
  const std::byte* first = holds.see(Kind::kOutbox, 1).value();
  EXPECT_EQ(holds.see(Kind::kOutbox, 1).value(), first);
  EXPECT_EQ(holds.see(Kind::kOutbox, 2).error().code(), ErrorCode::kNotFound);
  ASSERT_TRUE(holds.drop(Kind::kOutbox, 1));
  EXPECT_EQ(holds.see(Kind::kOutbox, 1).error().code(), ErrorCode::kNotFound);
}

TEST_F(HoldsTest, holding_the_same_number_again_replaces_it) {
  Held one = make(Kind::kOutbox, 1);
  {
    auto map = os::MappedRegion::map(one.fd, ByteCount(4096), os::Access::kReadWrite).value();
    map.data()[0] = std::byte{1};
  }
  ASSERT_TRUE(add(std::move(one)));
  EXPECT_EQ(*holds.see(Kind::kOutbox, 1).value(), std::byte{1});
  ASSERT_TRUE(add(make(Kind::kOutbox, 1)));
  EXPECT_EQ(*holds.see(Kind::kOutbox, 1).value(), std::byte{0});
}

TEST_F(HoldsTest, a_thing_changes_hands_only_when_the_keeper_knows) {
  ASSERT_TRUE(add(make(Kind::kClientArena, 4)));
  Held* held = holds.find(Kind::kClientArena, 4);
  keeper.refuse_next(1);
  EXPECT_FALSE(holds.reassign(*held, 12, 34));
  EXPECT_EQ(held->facts.owner, 7u);
  ASSERT_TRUE(holds.reassign(*held, 12, 34));
  EXPECT_EQ(held->facts.owner, 12u);
  const auto inherited = keeper.inherited();
  EXPECT_EQ(inherited[0].facts.owner, 12u);
  EXPECT_EQ(inherited[0].facts.request, 34u);
}

}  // namespace
}  // namespace vineyard::shm
