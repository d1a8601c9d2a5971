// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/arenas.h"

#include <gtest/gtest.h>

#include "vineyard/base/limits.h"
#include "vineyard/os/memfd.h"
#include "vineyard/shm/worker/fakes/fake_host.h"

namespace vineyard::shm {
namespace {

struct ArenasTest : ::testing::Test {
  FakeHost host;
  Arenas& arenas() { return host.worker().arenas; }
  Holds& holds() { return host.worker().holds; }
};

TEST_F(ArenasTest, the_budget_counts_every_arena_until_it_is_dropped) {
  EXPECT_EQ(arenas().used_bytes(), 0u);
  const std::uint32_t a = arenas().create(100, 5, 1).value();
  EXPECT_EQ(arenas().used_bytes(), 4096u) << "whole pages";
  EXPECT_EQ(holds().find(Kind::kClientArena, a)->facts.owner, 5u);
  arenas().drop_spare(a);
  EXPECT_EQ(arenas().used_bytes(), 0u);
  EXPECT_EQ(holds().find(Kind::kClientArena, a), nullptr);
}

TEST_F(ArenasTest, a_full_pool_is_an_error_that_says_so) {
  const auto refused = arenas().create((64U << 20) + 1, 5, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kFull);
  EXPECT_NE(refused.error().message().find("64.0 MiB free of 64.0 MiB"), std::string::npos)
      << refused.error().message();
  EXPECT_EQ(arenas().create(~std::uint64_t{0}, 5, 1).error().code(), ErrorCode::kFull);
  EXPECT_EQ(arenas().create(~std::uint64_t{0} - 5000, 5, 1).error().code(), ErrorCode::kFull);
  EXPECT_TRUE(arenas().create(64U << 20, 5, 1));
}

TEST_F(ArenasTest, numbers_are_never_used_twice_and_run_out_with_an_error) {
  const std::uint32_t a = arenas().create(4096, 0, 0).value();
  arenas().drop_spare(a);
  EXPECT_EQ(arenas().create(4096, 0, 0).value(), a + 1);
  host.region().header.next_arena.store(0xfffffffe);
  EXPECT_EQ(arenas().create(4096, 0, 0).value(), 0xffffffffU);
  EXPECT_EQ(arenas().create(4096, 0, 0).error().code(), ErrorCode::kFull);
  EXPECT_EQ(arenas().take_home(64, Arenas::Beyond::kIfNeeded).error().code(), ErrorCode::kFull);
}

TEST_F(ArenasTest, what_the_keeper_refuses_is_not_counted) {
  host.keeper.refuse_next(1);
  EXPECT_FALSE(arenas().create(4096, 5, 1));
  EXPECT_EQ(arenas().used_bytes(), 0u);
  EXPECT_EQ(arenas().check_consistency(), std::nullopt);
}

TEST_F(ArenasTest, an_arena_is_listed_then_sealed_and_a_second_time_changes_nothing) {
  FakeClient a(host);
  const std::uint32_t arena = arenas().create(1U << 20, a.serial(), 1).value();
  EXPECT_FALSE(os::is_sealed(holds().find(Kind::kClientArena, arena)->fd));
  EXPECT_EQ(arenas().list_and_seal(arena, a.control()).value(), 0u);
  EXPECT_TRUE(os::is_sealed(holds().find(Kind::kClientArena, arena)->fd));
  EXPECT_EQ(a.block().arenas[0].load(), arena);
  EXPECT_EQ(arenas().list_and_seal(arena, a.control()).value(), 0u);
  EXPECT_EQ(a.block().arenas[1].load(), 0u);
}

TEST_F(ArenasTest, only_the_owner_lists_an_arena) {
  FakeClient a(host), b(host);
  const std::uint32_t arena = arenas().create(4096, a.serial(), 1).value();
  EXPECT_EQ(arenas().list_and_seal(arena, b.control()).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(arenas().list_and_seal(12345, b.control()).error().code(), ErrorCode::kNotFound);
}

TEST_F(ArenasTest, a_full_list_is_an_error) {
  FakeClient a(host);
  for (std::uint32_t n = 0; n < limits::kArenasPerClient; ++n) EXPECT_EQ(a.new_arena(4096), n);
  const std::uint32_t one_more = arenas().create(4096, a.serial(), 1).value();
  EXPECT_EQ(arenas().list_and_seal(one_more, a.control()).error().code(), ErrorCode::kFull);
  arenas().unlist(a.control(), 7);
  EXPECT_EQ(arenas().list_and_seal(one_more, a.control()).value(), 7u);
}

TEST_F(ArenasTest,
       an_arena_is_orphaned_when_it_was_given_up_or_its_owner_is_gone_before_it_was_listed) {
  FakeClient a(host);
  const std::uint32_t spare = arenas().create(4096, 0, 0).value();
  EXPECT_FALSE(arenas().orphaned(spare)) << "a spare";
  ASSERT_TRUE(arenas().assign(spare, a.serial(), 2));
  EXPECT_FALSE(arenas().orphaned(spare)) << "just being handed over";
  const std::uint32_t never_listed = arenas().create(4096, a.serial(), 3).value();
  const std::uint32_t k = arenas().list_and_seal(spare, a.control()).value();
  EXPECT_FALSE(arenas().orphaned(spare)) << "listed";
  arenas().unlist(a.control(), k);
  EXPECT_TRUE(arenas().orphaned(spare)) << "sealed and not listed";
  EXPECT_FALSE(arenas().orphaned(never_listed));
  a.die();
  ASSERT_TRUE(host.leave(a.serial()));
  EXPECT_TRUE(arenas().orphaned(never_listed));
}

TEST_F(ArenasTest, sweep_drops_an_orphan_only_when_nothing_is_in_it_and_nobody_maps_it) {
  FakeClient a(host);
  const ObjectId blob = a.put_blob(100);
  host.worker().harvester.harvest_all();
  const auto arena = static_cast<std::uint32_t>(a.block().arenas[0].load());
  const std::uint64_t used = arenas().used_bytes();
  arenas().unlist_all(a.control());
  EXPECT_EQ(arenas().sweep(), 0u) << "an object is in it";
  host.worker().retirer.retire({blob}, {}, {});
  EXPECT_EQ(arenas().sweep(), 0u) << "its writer maps it";
  EXPECT_TRUE(arenas().use(arena)->retired);
  EXPECT_EQ(host.region().header.retired_count.load(), 1u);
  EXPECT_EQ(host.region().header.retired[0].load(), arena);
  EXPECT_EQ(arenas().used_bytes(), used) << "until then it counts";
  host.restart();
  EXPECT_EQ(arenas().sweep(), 0u) << "a successor goes on asking";
  EXPECT_EQ(host.region().header.retired_count.load(), 1u) << "and does not announce it again";
  a.unmap_arena(0);
  EXPECT_EQ(arenas().sweep(), 1U << 20);
  EXPECT_EQ(arenas().use(arena), nullptr);
  EXPECT_EQ(host.keeper.count(Kind::kClientArena), 0u);
  EXPECT_EQ(arenas().check_consistency(), std::nullopt);
}

TEST_F(ArenasTest, sweep_keeps_listed_and_spare_arenas) {
  FakeClient a(host);
  a.new_arena(4096);
  (void)arenas().create(4096, 0, 0);
  arenas().sweep();
  EXPECT_EQ(host.keeper.count(Kind::kClientArena), 2u);
}

TEST_F(ArenasTest, takes_the_place_of_a_record_only_within_the_writers_own_list) {
  FakeClient a(host), b(host);
  a.new_arena(8192);
  const auto arena = static_cast<std::uint32_t>(a.block().arenas[0].load());
  EXPECT_EQ(arenas().confined(a.control(), Place(ArenaId{0}, 64).bits, 100),
            Place(ArenaId{arena}, 64));
  EXPECT_EQ(arenas().confined(a.control(), Place(ArenaId{0}, 8128).bits, 64),
            Place(ArenaId{arena}, 8128));
  EXPECT_EQ(arenas().confined(a.control(), Place(ArenaId{0}, 8128).bits, 65), std::nullopt);
  EXPECT_EQ(arenas().confined(b.control(), Place(ArenaId{0}, 64).bits, 100), std::nullopt);
  // Its control block names an arena that is not its own: only the worker's own list counts beside it.
  b.block().arenas[0].store(arena);
  EXPECT_EQ(arenas().confined(b.control(), Place(ArenaId{0}, 64).bits, 100), std::nullopt);
  b.block().arenas[0].store(0);
}

TEST_F(ArenasTest, a_writer_that_names_the_same_bytes_many_times_breaks_no_invariant) {
  FakeClient a(host);
  a.new_arena(4096);
  for (int n = 0; n < 5; ++n) a.add_blob(Place(ArenaId{0}, 0), 4096);
  a.publish();
  host.worker().harvester.harvest_all();
  EXPECT_EQ(a.block().arena_present[0].load(), 5u);
  EXPECT_EQ(host.broken_invariant(), std::nullopt);
}

TEST_F(ArenasTest, home_memory_is_sealed_and_found_again_by_its_place) {
  const HomeExtent home = arenas().take_home(100, Arenas::Beyond::kNever).value();
  EXPECT_TRUE(arenas().is_home(home.place));
  EXPECT_TRUE(os::is_sealed(holds().find(Kind::kHomeArena, home.place.arena().value)->fd));
  arenas().home_bytes(home.place)[0] = std::byte{7};
  EXPECT_EQ(*arenas().bytes({home.place, 1}), std::byte{7});
  EXPECT_EQ(arenas().bytes({home.place, std::uint64_t{1} << 40}), nullptr);
  EXPECT_EQ(arenas().bytes({Place(ArenaId{999}, 0), 1}), nullptr);
  arenas().free_home(home);
  EXPECT_EQ(arenas().check_consistency(), std::nullopt);
}

TEST_F(ArenasTest, home_grows_within_the_pool_and_beyond_it_only_when_told_to) {
  std::uint64_t taken = 0;
  while (arenas().take_home(1U << 20, Arenas::Beyond::kNever)) ++taken;
  EXPECT_EQ(taken, 64u);
  EXPECT_TRUE(arenas().take_home(1U << 20, Arenas::Beyond::kIfNeeded));
  EXPECT_GT(arenas().used_bytes(), arenas().pool_bytes());
  EXPECT_EQ(arenas().take_home(limits::kMaxDocument + 1, Arenas::Beyond::kIfNeeded).error().code(),
            ErrorCode::kFull);
}

TEST_F(ArenasTest, reservations_are_backed_by_room_or_refused) {
  FakeHost small(8U << 20);
  Arenas& a = small.worker().arenas;
  EXPECT_TRUE(a.reserve_home(3U << 20)) << "more than one of its arenas of 1 MiB";
  EXPECT_GE(a.home_free_bytes(), 3U << 20);
  EXPECT_FALSE(a.reserve_home(6U << 20));
  EXPECT_TRUE(a.reserve_home(5U << 20));
  a.unreserve_home(8U << 20);
  EXPECT_TRUE(a.reserve_home(8U << 20));
}

TEST_F(ArenasTest, sweep_keeps_as_much_home_memory_as_was_reserved) {
  FakeHost small(8U << 20);
  Arenas& a = small.worker().arenas;
  ASSERT_TRUE(a.reserve_home(8U << 20));
  a.unreserve_home(6U << 20);
  a.sweep();
  EXPECT_GE(a.home_free_bytes(), 2U << 20);
  EXPECT_LT(a.home_free_bytes(), 8U << 20);
  EXPECT_EQ(a.check_consistency(), std::nullopt);
}

TEST_F(ArenasTest, an_empty_home_arena_that_somebody_maps_is_retired_and_not_used_again) {
  Arenas& a = arenas();
  const HomeExtent first = a.take_home(a.home_arena_bytes(), Arenas::Beyond::kNever).value();
  const HomeExtent second = a.take_home(a.home_arena_bytes(), Arenas::Beyond::kNever).value();
  auto reader = os::reopen(holds().find(Kind::kHomeArena, first.place.arena().value)->fd,
                           os::Access::kReadOnly)
                    .value();
  auto reader2 = os::reopen(holds().find(Kind::kHomeArena, second.place.arena().value)->fd,
                            os::Access::kReadOnly)
                     .value();
  a.free_home(first);
  a.free_home(second);
  a.sweep();
  EXPECT_EQ(host.region().header.retired_count.load(), 1u) << "one stays warm";
  const std::uint32_t retired = static_cast<std::uint32_t>(host.region().header.retired[0].load());
  for (int n = 0; n < 3; ++n) {
    EXPECT_NE(a.take_home(a.home_arena_bytes(), Arenas::Beyond::kNever).value().place.arena().value,
              retired);
  }
  reader.reset();
  reader2.reset();
  EXPECT_GT(a.sweep(), 0u);
  EXPECT_EQ(a.use(retired), nullptr);
}

TEST_F(ArenasTest, a_successor_finishes_what_was_listed_and_not_sealed) {
  FakeClient a(host);
  const std::uint32_t arena = arenas().create(4096, a.serial(), 1).value();
  a.block().arenas[0].store(arena);  // the predecessor died here
  host.restart();
  EXPECT_TRUE(os::is_sealed(holds().find(Kind::kClientArena, arena)->fd));
  EXPECT_TRUE(arenas().use(arena)->listed);
  EXPECT_EQ(arenas().list_and_seal(arena, a.control()).value(), 0u)
      << "the repeat of the message finds it done";
}

TEST_F(ArenasTest, while_a_successor_recounts_a_writer_never_sees_an_empty_arena_that_is_not) {
  FakeClient a(host);
  for (int n = 0; n < 3; ++n) a.put_blob(10);
  host.worker().harvester.harvest_all();
  arenas().begin_rebuild();
  EXPECT_GT(a.block().arena_present[0].load(), 0u);
  for (int n = 0; n < 3; ++n) {
    arenas().entered(host.worker().entries.extent(ObjectId(a.block().grants[n].load()).index()));
    EXPECT_GT(a.block().arena_present[0].load(), 0u);
  }
  arenas().finish_rebuild();
  EXPECT_EQ(a.block().arena_present[0].load(), 3u);
}

}  // namespace
}  // namespace vineyard::shm
