// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/retire.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "vineyard/base/failpoint.h"
#include "vineyard/base/limits.h"
#include "vineyard/shm/worker/fakes/fake_host.h"

namespace vineyard::shm {
namespace {

// What happens at the failpoint of this name, once.
std::string at_failpoint;
std::function<void()> happens;

void act(const char* name) {
  if (at_failpoint != name || !happens) return;
  const auto now = std::exchange(happens, nullptr);
  now();
}

struct RetireTest : ::testing::Test {
  FakeHost host;
  FakeClient a{host};
  Retirer& retirer() { return host.worker().retirer; }
  State state(ObjectId id) {
    return host.worker().entries.holds(id) ? host.worker().entries.state(id.index()) : State::kFree;
  }
  Fate retire(ObjectId id, const std::vector<ObjectId>& own_pins = {}) {
    return retirer().retire({id}, {}, own_pins).front();
  }
  ObjectId live_blob(std::uint64_t size = 100) {
    const ObjectId id = a.put_blob(size);
    host.worker().harvester.harvest_all();
    return id;
  }
  ObjectId live_object(const std::vector<ObjectId>& members) {
    const ObjectId id = a.put_document(members);
    host.worker().harvester.harvest_all();
    return id;
  }
  // A place at home with the object's bytes, as a mover prepares it.
  Move prepare_move(ObjectId id) {
    auto& w = host.worker();
    const Extent from = w.entries.extent(id.index());
    const HomeExtent to = w.arenas.take_home(from.size, Arenas::Beyond::kIfNeeded).value();
    std::memcpy(w.arenas.home_bytes(to.place), w.arenas.bytes(from), from.size);
    return {id, to, from.size};
  }
  void when(const char* step, std::function<void()> what) {
    at_failpoint = step;
    happens = std::move(what);
    set_failpoint_hook(act);
  }
  ~RetireTest() override {
    set_failpoint_hook(nullptr);
    leave_rule_out(nullptr);
    happens = nullptr;
    EXPECT_EQ(host.broken_invariant(), std::nullopt);
  }
};

#ifdef VINEYARD_FAILPOINTS
#define VY_NEEDS_FAILPOINTS
#else
#define VY_NEEDS_FAILPOINTS GTEST_SKIP() << "built without VINEYARD_FAILPOINTS"
#endif

TEST_F(RetireTest, reclaims_what_nobody_sees) {
  const ObjectId blob = live_blob(), object = live_object({});
  EXPECT_EQ(retire(blob), Fate::kReclaimed);
  EXPECT_EQ(retire(object), Fate::kReclaimed);
  EXPECT_EQ(state(blob), State::kFree);
  EXPECT_EQ(state(object), State::kFree);
  EXPECT_EQ(a.block().arena_present[0].load(), 0u);
  EXPECT_EQ(host.worker().contents.known().size(), 0u);
}

TEST_F(RetireTest, a_pinned_object_is_deleted_and_its_bytes_wait_for_the_last_pin) {
  const ObjectId blob = live_blob();
  FakeClient reader(host);
  reader.pin(3, blob);
  EXPECT_EQ(retire(blob), Fate::kDeleted);
  EXPECT_EQ(state(blob), State::kDeleted);
  EXPECT_EQ(a.block().arena_present[0].load(), 1u)
      << "it still occupies its arena, for its writer too (R6)";
  retirer().retry_waiting({});
  EXPECT_EQ(state(blob), State::kDeleted);
  reader.unpin(3);
  retirer().retry_waiting({});
  EXPECT_EQ(state(blob), State::kFree);
  EXPECT_EQ(retirer().waiting_count(), 0u);
}

TEST_F(RetireTest, what_the_worker_pins_for_a_client_is_pinned) {
  const ObjectId blob = live_blob();
  EXPECT_EQ(retire(blob, {blob}), Fate::kDeleted);
  retirer().retry_waiting({blob});
  EXPECT_EQ(state(blob), State::kDeleted);
  retirer().retry_waiting({});
  EXPECT_EQ(state(blob), State::kFree);
}

TEST_F(RetireTest, a_pin_table_counts_as_long_as_somebody_maps_it) {  // R8
  const ObjectId blob = live_blob();
  FakeClient reader(host);
  reader.pin(0, blob);
  reader.die_but_for_pins();
  ASSERT_TRUE(host.leave(reader.serial()));
  host.sweep_pin_tables();
  EXPECT_EQ(retire(blob), Fate::kDeleted);
  reader.die();
  host.sweep_pin_tables();
  retirer().retry_waiting({});
  EXPECT_EQ(state(blob), State::kFree);
}

TEST_F(RetireTest, keeps_a_member_of_a_live_object) {
  const ObjectId member = live_blob(), parent = live_object({member});
  EXPECT_EQ(retire(member), Fate::kKept);
  EXPECT_EQ(state(member), State::kLive);
  EXPECT_EQ(retire(parent), Fate::kReclaimed);
  EXPECT_EQ(retire(member), Fate::kReclaimed);
}

TEST_F(RetireTest, a_deleted_but_pinned_parent_keeps_its_members) {
  const ObjectId member = live_blob(), parent = live_object({member});
  a.pin(0, parent);
  EXPECT_EQ(retire(parent), Fate::kDeleted);
  EXPECT_EQ(retire(member), Fate::kKept);
  a.unpin(0);
  retirer().retry_waiting({});
  EXPECT_EQ(state(parent), State::kFree);
  EXPECT_EQ(state(member), State::kLive);
}

TEST_F(RetireTest, parents_before_members_take_a_whole_tree_in_one_batch) {
  const ObjectId leaf = live_blob(), middle = live_object({leaf}),
                 root = live_object({middle, leaf});
  EXPECT_EQ(retirer().retire({root, middle, leaf}, {}, {}),
            (std::vector{Fate::kReclaimed, Fate::kReclaimed, Fate::kReclaimed}));
  EXPECT_EQ(host.worker().contents.known().size(), 0u);
}

TEST_F(RetireTest, what_is_not_there_is_absent) {
  const ObjectId blob = live_blob();
  const ObjectId leased = a.next_id();
  EXPECT_EQ(retire(blob), Fate::kReclaimed);
  for (ObjectId id : {blob, leased, ObjectId::invalid(), ObjectId::empty_blob()})
    EXPECT_EQ(retire(id), Fate::kAbsent);
  EXPECT_EQ(state(leased), State::kLeased);
  EXPECT_EQ(retirer().counts().batches, 1u) << "no barrier for nothing";
}

TEST_F(RetireTest, an_id_named_twice_in_a_batch_is_retired_once) {
  const ObjectId blob = live_blob(), pinned = live_blob();
  a.pin(0, pinned);
  EXPECT_EQ(retirer().retire({blob, blob, pinned, pinned}, {}, {}),
            (std::vector{Fate::kReclaimed, Fate::kAbsent, Fate::kDeleted, Fate::kDeleted}));
  EXPECT_EQ(retirer().waiting_count(), 1u);
}

TEST_F(RetireTest, a_composer_that_let_go_before_the_scan_has_published_before_it) {  // R2
  VY_NEEDS_FAILPOINTS;
  const ObjectId member = live_blob();
  FakeClient composer(host);
  composer.pin(0, member);
  ObjectId parent;
  when("retire.barrier", [&] {
    parent = composer.put_document({member});
    composer.unpin(0);
  });
  EXPECT_EQ(retire(member), Fate::kKept);
  EXPECT_EQ(state(member), State::kLive);
  EXPECT_EQ(state(parent), State::kLive);
}

TEST_F(RetireTest,
       harvesting_before_the_scan_would_free_a_member_of_a_live_object) {  // R2 left out
  VY_NEEDS_FAILPOINTS;
  const ObjectId member = live_blob();
  FakeClient composer(host);
  composer.pin(0, member);
  ObjectId parent;
  leave_rule_out("R2");
  when("retire.harvested", [&] {
    parent = composer.put_document({member});
    composer.unpin(0);
  });
  EXPECT_EQ(retire(member), Fate::kReclaimed);
  leave_rule_out(nullptr);
  host.worker().harvester.harvest_all();
  EXPECT_EQ(state(parent), State::kFree) << "a published object was refused";
}

TEST_F(RetireTest, a_pin_that_comes_after_the_scan_saw_busy) {
  VY_NEEDS_FAILPOINTS;
  const ObjectId blob = live_blob();
  State seen = State::kFree;
  when("retire.scanned", [&] {
    a.pin(0, blob);
    seen = state(blob);
    a.unpin(0);
  });
  EXPECT_EQ(retire(blob), Fate::kReclaimed);
  EXPECT_EQ(seen, State::kBusy);
}

TEST_F(RetireTest,
       nothing_is_reclaimed_while_a_harvest_had_to_stop) {  // R2: it may have missed a parent
  VY_NEEDS_FAILPOINTS;
  const ObjectId member = live_blob();
  FakeClient composer(host);
  composer.pin(0, member);
  const ObjectId parent = composer.put_document({member});
  composer.unpin(0);
  // Its outbox cannot be mapped now.
  auto& holds = host.worker().holds;
  os::UniqueFd fd = std::move(holds.find(Kind::kOutbox, composer.serial())->fd);
  EXPECT_EQ(retire(member), Fate::kDeleted);
  holds.find(Kind::kOutbox, composer.serial())->fd = std::move(fd);
  host.worker().harvester.harvest_all();
  EXPECT_EQ(state(parent), State::kLive);
  EXPECT_EQ(state(member), State::kLive);
}

TEST_F(RetireTest, everything_counts_as_pinned_while_a_pin_table_cannot_be_read) {
  const ObjectId blob = live_blob();
  FakeClient reader(host);
  os::UniqueFd fd = std::move(host.worker().holds.find(Kind::kPinTable, reader.pin_table())->fd);
  EXPECT_EQ(retire(blob), Fate::kDeleted);
  host.worker().holds.find(Kind::kPinTable, reader.pin_table())->fd = std::move(fd);
  retirer().retry_waiting({});
  EXPECT_EQ(state(blob), State::kFree);
}

TEST_F(RetireTest, an_object_that_came_back_is_not_deleted_a_second_time) {
  const ObjectId member = live_blob();
  FakeClient composer(host);
  composer.pin(0, member);
  EXPECT_EQ(retire(member), Fate::kDeleted);
  const ObjectId parent = composer.put_document({member});
  composer.unpin(0);
  host.worker().harvester.harvest_all();
  ASSERT_EQ(state(member), State::kLive);
  EXPECT_EQ(retire(parent), Fate::kReclaimed);
  retirer().retry_waiting({});
  EXPECT_EQ(state(member), State::kLive) << "it came back; nobody has deleted it since";
  const WorkerState before = host.state();
  host.restart();
  EXPECT_EQ(host.state().difference(before), std::nullopt);
}

TEST_F(RetireTest, a_doomed_member_goes_when_nobody_refers_to_it_any_more) {
  const ObjectId member = live_blob(), parent = live_object({member});
  a.pin(0, parent);
  EXPECT_EQ(retire(parent), Fate::kDeleted);
  host.worker().entries.doom(member.index());
  retirer().retry_waiting({});
  EXPECT_EQ(state(member), State::kLive);
  const WorkerState before = host.state();
  host.restart();
  EXPECT_EQ(host.state().difference(before), std::nullopt);
  a.unpin(0);
  retirer().retry_waiting({});
  retirer().retry_waiting({});
  EXPECT_EQ(state(parent), State::kFree);
  EXPECT_EQ(state(member), State::kFree);
}

TEST_F(RetireTest, a_doomed_member_goes_also_when_its_parent_names_it_without_its_blob_bit) {
  FakeClient members(host);
  const ObjectId member = members.put_blob(10);
  const ObjectId parent = a.put_document({member.without_blob_bit()});
  host.worker().harvester.harvest(a.control());
  host.worker().harvester.harvest_all();
  ASSERT_EQ(state(member), State::kLive);
  host.worker().entries.doom(member.index());
  EXPECT_EQ(retire(parent), Fate::kReclaimed);
  retirer().retry_waiting({});
  EXPECT_EQ(state(member), State::kFree);
}

TEST_F(RetireTest, a_move_switches_the_place_of_what_nobody_views) {
  const ObjectId blob = live_blob(100);
  std::memcpy(a.arena_bytes(0), "hello", 5);
  const Move move = prepare_move(blob);
  retirer().retire({}, {move}, {});
  EXPECT_EQ(state(blob), State::kLive);
  EXPECT_EQ(host.worker().entries.extent(blob.index()).place, move.to.place);
  EXPECT_EQ(std::memcmp(host.worker().arenas.bytes(host.worker().entries.extent(blob.index())),
                        "hello", 5),
            0);
  EXPECT_EQ(a.block().arena_present[0].load(), 0u) << "the writer may use its arena again";
  EXPECT_EQ(retirer().counts().moved, 1u);
  const WorkerState before = host.state();
  host.restart();
  EXPECT_EQ(host.state().difference(before), std::nullopt);
  EXPECT_EQ(retire(blob), Fate::kReclaimed);
}

TEST_F(RetireTest, a_move_leaves_what_is_viewed_where_it_is) {  // R7
  const ObjectId blob = live_blob();
  const Place before = host.worker().entries.extent(blob.index()).place;
  const Move move = prepare_move(blob);
  const std::uint64_t free_before = host.worker().arenas.home_free_bytes();
  a.pin(0, blob);
  retirer().retire({}, {move}, {});
  EXPECT_EQ(state(blob), State::kLive);
  EXPECT_EQ(host.worker().entries.extent(blob.index()).place, before);
  EXPECT_EQ(host.worker().arenas.home_free_bytes(), free_before + extent_step(move.size))
      << "the copy is given up";
}

TEST_F(RetireTest, a_move_of_what_is_gone_or_named_twice_gives_its_copy_up) {
  const ObjectId blob = live_blob(), other = live_blob();
  const Move of_gone = prepare_move(blob), first = prepare_move(other),
             second = prepare_move(other);
  EXPECT_EQ(retire(blob), Fate::kReclaimed);
  const std::uint64_t free_before = host.worker().arenas.home_free_bytes();
  retirer().retire({}, {of_gone, first, second}, {});
  EXPECT_EQ(host.worker().arenas.home_free_bytes(), free_before + 2 * extent_step(100));
  EXPECT_EQ(retirer().counts().moved, 1u);
}

TEST_F(RetireTest, a_move_of_what_is_retired_in_the_same_batch_gives_its_copy_up) {
  const ObjectId blob = live_blob();
  const Move move = prepare_move(blob);
  EXPECT_EQ(retirer().retire({blob}, {move}, {}), std::vector{Fate::kReclaimed});
  EXPECT_EQ(retirer().counts().moved, 0u);
}

TEST_F(RetireTest, a_move_frees_the_old_place_of_a_document) {
  const ObjectId object = live_object({});
  const std::uint64_t free_before = host.worker().arenas.home_free_bytes();
  retirer().retire({}, {prepare_move(object)}, {});
  EXPECT_EQ(state(object), State::kLive);
  EXPECT_EQ(host.worker().arenas.home_free_bytes(), free_before);
  EXPECT_EQ(retire(object), Fate::kReclaimed);
}

}  // namespace
}  // namespace vineyard::shm
