// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/harvest.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "vineyard/base/limits.h"
#include "vineyard/shm/worker/fakes/fake_host.h"

namespace vineyard::shm {
namespace {

struct HarvestTest : ::testing::Test {
  FakeHost host;
  Harvester& harvester() { return host.worker().harvester; }
  State state(ObjectId id) {
    return host.worker().entries.holds(id) ? host.worker().entries.state(id.index()) : State::kFree;
  }
  std::uint32_t references(ObjectId id) { return host.worker().contents.references(id.index()); }
  ~HarvestTest() override { EXPECT_EQ(host.broken_invariant(), std::nullopt); }
};

TEST_F(HarvestTest, takes_a_blob_where_it_lies_and_a_document_home) {
  FakeClient a(host);
  const ObjectId blob = a.put_blob(1000);
  const ObjectId object = a.put_document({blob});
  EXPECT_EQ(harvester().harvest(a.control()), Harvester::Progress::kAll);
  EXPECT_EQ(state(blob), State::kLive);
  EXPECT_EQ(state(object), State::kLive);
  Arenas& arenas = host.worker().arenas;
  EXPECT_FALSE(arenas.is_home(host.worker().entries.extent(blob.index()).place));
  EXPECT_TRUE(arenas.is_home(host.worker().entries.extent(object.index()).place));
  EXPECT_EQ(references(blob), 1u);
  EXPECT_EQ(a.block().harvested.load(), 2u);
  EXPECT_EQ(a.block().arena_present[0].load(), 1u);
  EXPECT_EQ(harvester().counts().taken, 2u);
}

TEST_F(HarvestTest, takes_nothing_beyond_the_tail) {
  FakeClient a(host);
  const ObjectId shown = a.put_blob(10);
  const ObjectId hidden = a.add_new_blob(10);
  harvester().harvest_all();
  EXPECT_EQ(state(shown), State::kLive);
  EXPECT_EQ(state(hidden), State::kLeased);
}

TEST_F(HarvestTest, a_tail_beyond_the_grants_takes_only_what_was_granted) {
  FakeClient a(host);
  a.outbox().tail.store(~std::uint64_t{0});
  harvester().harvest_all();
  EXPECT_EQ(a.block().harvested.load(), limits::kFirstGrants);
  EXPECT_EQ(a.block().granted.load(), limits::kFirstGrants);
}

TEST_F(HarvestTest, a_tail_that_went_back_takes_nothing_back) {
  FakeClient a(host);
  const ObjectId blob = a.put_blob(10);
  harvester().harvest_all();
  a.outbox().tail.store(0);
  harvester().harvest_all();
  EXPECT_EQ(state(blob), State::kLive);
  EXPECT_EQ(a.block().harvested.load(), 1u);
}

TEST_F(HarvestTest, a_void_record_frees_its_entry) {
  FakeClient a(host);
  const ObjectId given_up = a.next_id();
  a.add_record({});
  a.publish();
  harvester().harvest_all();
  EXPECT_EQ(state(given_up), State::kFree);
  EXPECT_EQ(harvester().counts().voided, 1u);
  EXPECT_EQ(harvester().counts().refused, 0u);
}

TEST_F(HarvestTest, a_record_with_another_id_than_the_granted_one_is_refused) {
  FakeClient a(host), b(host);
  const ObjectId victim = b.put_blob(10);
  harvester().harvest_all();
  a.new_arena();
  const ObjectId granted = a.next_id();
  a.add_record({.id = victim.value, .place = 0, .size = 10, .document = 0, .document_size = 0});
  a.publish();
  harvester().harvest_all();
  EXPECT_EQ(state(granted), State::kFree);
  EXPECT_EQ(state(victim), State::kLive);
  EXPECT_EQ(harvester().counts().refused, 1u);
}

struct HostilePlace {
  const char* what;
  std::uint64_t place;
  std::uint64_t size;
};
class HostilePlaces : public HarvestTest, public ::testing::WithParamInterface<HostilePlace> {};

TEST_P(HostilePlaces, are_refused) {  // R15
  FakeClient a(host);
  const std::uint32_t k = a.new_arena(1U << 20);
  ASSERT_EQ(k, 0u);
  const ObjectId id = a.next_id().with_blob_bit();
  a.add_record({.id = id.value,
                .place = GetParam().place,
                .size = GetParam().size,
                .document = 0,
                .document_size = 0});
  a.publish();
  harvester().harvest_all();
  EXPECT_EQ(state(id), State::kFree) << GetParam().what;
  EXPECT_EQ(a.block().arena_present[0].load(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    R15, HostilePlaces,
    ::testing::Values(HostilePlace{"a number beyond the list", std::uint64_t{64} << 32, 1},
                      HostilePlace{"a huge number", ~std::uint64_t{0}, 1},
                      HostilePlace{"a number without an arena", std::uint64_t{1} << 32, 1},
                      HostilePlace{"an offset at the end", (1U << 20) / 64, 0},
                      HostilePlace{"an offset beyond the end", 0xffffffff, 1},
                      HostilePlace{"a size beyond the end", 0, (1U << 20) + 1},
                      HostilePlace{"a size that wraps", 1, ~std::uint64_t{0}}));

TEST_F(HarvestTest, an_arena_of_somebody_else_cannot_be_named) {
  FakeClient a(host), b(host);
  b.new_arena();
  const ObjectId id =
      a.add_blob(Place(ArenaId{0}, 0), 10);  // number 0 of its own list, which is empty
  a.publish();
  harvester().harvest_all();
  EXPECT_EQ(state(id), State::kFree);
}

TEST_F(HarvestTest, malformed_documents_are_refused) {
  FakeClient a(host);
  const std::vector<Record> hostile = {
      {0, 0, 0, 0, 0},
      {0, 0, 0, 0, limits::kMaxRingDocument + 1},
      {0, 0, 0, limits::kDocumentRing - 8, 16},
      {0, 0, 0, ~std::uint64_t{0}, 16},
      {0, 0, 0, 0, 64},  // zeros: no document
  };
  for (Record r : hostile) {
    const ObjectId id = a.next_id();
    r.id = id.value;
    a.add_record(r);
    a.publish();
    harvester().harvest_all();
    EXPECT_EQ(state(id), State::kFree);
  }
  EXPECT_EQ(harvester().counts().refused, hostile.size());
}

TEST_F(HarvestTest, members_must_exist) {
  FakeClient a(host);
  const ObjectId never = ObjectId::make(BlockId{1001}, {limits::kEntries - 1}, {0});
  const ObjectId unpublished = FakeClient(host).next_id();
  const ObjectId over = a.put_blob(10);
  harvester().harvest_all();
  host.worker().retirer.retire({over}, {}, {});
  for (ObjectId member : {never, unpublished, over, ObjectId::invalid()}) {
    const ObjectId id = a.put_document({member});
    harvester().harvest_all();
    EXPECT_EQ(state(id), State::kFree) << member.to_string();
  }
}

TEST_F(HarvestTest, an_object_is_no_member_of_itself) {
  FakeClient a(host);
  const ObjectId id = a.put_document({a.next_id()});
  harvester().harvest_all();
  EXPECT_EQ(state(id), State::kFree);
}

TEST_F(HarvestTest, the_empty_blob_is_a_member_that_needs_no_entry) {
  FakeClient a(host);
  const ObjectId id = a.put_document({ObjectId::empty_blob()});
  harvester().harvest_all();
  EXPECT_EQ(state(id), State::kLive);
}

TEST_F(HarvestTest, a_member_past_its_writers_tail_counts_before_it_is_harvested) {  // R4
  FakeClient parents(host), members(host);
  const ObjectId member = members.put_blob(10);
  const ObjectId parent = parents.put_document({member});
  harvester().harvest(parents.control());
  EXPECT_EQ(state(parent), State::kLive);
  EXPECT_EQ(state(member), State::kLeased);
  EXPECT_EQ(references(member), 1u);
  harvester().harvest(members.control());
  EXPECT_EQ(state(member), State::kLive);
  EXPECT_EQ(references(member), 1u);
}

TEST_F(HarvestTest, a_member_that_is_refused_later_is_void_until_nobody_refers_to_it) {  // R4
  FakeClient parents(host), members(host);
  const ObjectId member = members.next_id();
  members.add_record(
      {.id = member.value, .place = 0, .size = 0, .document = 0, .document_size = 64});
  members.publish();
  const ObjectId parent = parents.put_document({member});
  harvester().harvest(parents.control());
  ASSERT_EQ(state(parent), State::kLive);
  harvester().harvest(members.control());
  EXPECT_EQ(state(member), State::kVoid);
  EXPECT_EQ(host.broken_invariant(), std::nullopt);
  const ObjectId second = parents.put_document({member});
  harvester().harvest_all();
  EXPECT_EQ(state(second), State::kFree) << "nobody new may refer to it";
  host.restart();
  EXPECT_EQ(state(member), State::kVoid);
  EXPECT_EQ(host.worker().retirer.retire({parent}, {}, {}), std::vector{Fate::kReclaimed});
  EXPECT_EQ(state(member), State::kFree);
}

TEST_F(HarvestTest, a_deleted_member_comes_back_before_its_parent_is_live) {
  FakeClient a(host);
  const ObjectId member = a.put_blob(10);
  harvester().harvest_all();
  a.pin(0, member);
  EXPECT_EQ(host.worker().retirer.retire({member}, {}, {}), std::vector{Fate::kDeleted});
  const ObjectId parent = a.put_document({member});
  harvester().harvest_all();
  EXPECT_EQ(state(member), State::kLive);
  EXPECT_EQ(state(parent), State::kLive);
  EXPECT_EQ(host.worker().retirer.waiting_count(), 0u) << "it waits for nothing any more";
}

TEST_F(HarvestTest, does_again_what_a_predecessor_did_not_count) {
  FakeClient a(host);
  const ObjectId blob = a.put_blob(10), object = a.put_document({blob});
  harvester().harvest_all();
  const WorkerState before = host.state();
  a.block().harvested.store(0);
  host.restart();
  harvester().harvest_all();
  EXPECT_EQ(a.block().harvested.load(), 2u);
  EXPECT_EQ(host.state().difference(before), std::nullopt);
  EXPECT_EQ(state(object), State::kLive);
}

TEST_F(HarvestTest, stops_without_memory_for_a_document_and_goes_on_later) {
  FakeClient a(host);
  const ObjectId blob = a.put_blob(10);
  const ObjectId object = a.add_document(FakeDocument::make({}, 0, 100));
  a.publish();
  // All of the worker's own memory is taken, and there is no more.
  auto& arenas = host.worker().arenas;
  std::vector<HomeExtent> taken;
  for (std::uint64_t size : {std::uint64_t{1} << 20, std::uint64_t{512}}) {
    while (arenas.home_free_bytes() >= size)
      taken.push_back(arenas.take_home(size, Arenas::Beyond::kNever).value());
  }
  host.keeper.refuse_next(1);
  EXPECT_EQ(harvester().harvest_all(), Harvester::Progress::kStopped);
  EXPECT_EQ(state(blob), State::kLive);
  EXPECT_EQ(state(object), State::kLeased);
  EXPECT_EQ(a.block().harvested.load(), 1u);
  EXPECT_EQ(harvester().harvest_all(), Harvester::Progress::kAll);
  EXPECT_EQ(state(object), State::kLive);
  for (const HomeExtent& t : taken) arenas.free_home(t);
}

TEST_F(HarvestTest, a_parent_waits_while_the_outbox_of_a_member_cannot_be_mapped) {
  FakeClient parents(host), members(host);
  const ObjectId member = members.put_blob(10);
  const ObjectId parent = parents.put_document({member});
  Held* box = host.worker().holds.find(Kind::kOutbox, members.serial());
  os::UniqueFd fd = std::move(box->fd);
  EXPECT_EQ(harvester().harvest_all(), Harvester::Progress::kStopped);
  EXPECT_EQ(state(parent), State::kLeased) << "neither taken nor refused";
  host.worker().holds.find(Kind::kOutbox, members.serial())->fd = std::move(fd);
  EXPECT_EQ(harvester().harvest_all(), Harvester::Progress::kAll);
  EXPECT_EQ(state(parent), State::kLive);
  EXPECT_EQ(references(member), 1u);
}

TEST_F(HarvestTest, take_back_frees_what_was_not_published_and_a_successor_agrees) {  // R5
  FakeClient a(host);
  const ObjectId published = a.put_blob(10);
  const ObjectId unpublished = a.next_id();
  a.die();
  ASSERT_TRUE(host.leave(a.serial()));
  EXPECT_EQ(state(published), State::kLive);
  EXPECT_EQ(state(unpublished), State::kFree);
  const WorkerState before = host.state();
  host.restart();
  EXPECT_EQ(host.state().difference(before), std::nullopt);
}

TEST_F(HarvestTest, a_writer_is_there_as_long_as_somebody_maps_its_outbox) {  // R5
  FakeClient a(host);
  const ObjectId id = a.put_blob(10);
  EXPECT_FALSE(host.leave(a.serial()));
  EXPECT_EQ(state(id), State::kLeased);
  a.die();
  EXPECT_TRUE(host.leave(a.serial()));
}

TEST_F(HarvestTest, an_outbox_left_unread_leaves_members_of_live_objects_void) {  // R16 and R4
  FakeClient parents(host), poisoned(host);
  const ObjectId member = poisoned.put_blob(10);
  const ObjectId other = poisoned.put_blob(10);
  const ObjectId parent = parents.put_document({member});
  harvester().harvest(parents.control());
  ASSERT_EQ(references(member), 1u);
  harvester().take_back(poisoned.control());
  host.worker().arenas.unlist_all(poisoned.control());
  poisoned.block().serial.store(0);
  EXPECT_EQ(state(member), State::kVoid);
  EXPECT_EQ(state(other), State::kFree);
  EXPECT_EQ(host.worker().retirer.retire({parent}, {}, {}), std::vector{Fate::kReclaimed});
  EXPECT_EQ(state(member), State::kFree);
}

TEST_F(HarvestTest, publishes_a_detached_blob_or_document_by_message) {
  FakeClient a(host);
  a.new_arena();
  const ObjectId blob = host.worker().entries.lease_detached(a.serial()).value();
  ASSERT_TRUE(harvester().publish_blob(a.control(), blob, Place(ArenaId{0}, 0).bits, 100));
  EXPECT_EQ(state(blob.with_blob_bit()), State::kLive);
  const auto document = FakeDocument::make({blob.with_blob_bit()}, 0, 10000);
  std::memcpy(a.arena_bytes(0) + 128, document.data(), document.size());
  const ObjectId object = host.worker().entries.lease_detached(a.serial()).value();
  ASSERT_TRUE(harvester().publish_document(a.control(), object, Place(ArenaId{0}, 128).bits,
                                           document.size()));
  EXPECT_EQ(state(object), State::kLive);
  EXPECT_TRUE(host.worker().arenas.is_home(host.worker().entries.extent(object.index()).place));
  EXPECT_EQ(references(blob), 1u);
  EXPECT_EQ(a.block().arena_present[0].load(), 1u) << "the document was copied home";
}

TEST_F(HarvestTest, a_detached_id_that_cannot_be_published_stays_leased) {
  FakeClient a(host);
  a.new_arena();
  const ObjectId id = host.worker().entries.lease_detached(a.serial()).value();
  EXPECT_EQ(harvester().publish_blob(a.control(), id, Place(ArenaId{1}, 0).bits, 1).error().code(),
            ErrorCode::kInvalid);
  EXPECT_EQ(harvester()
                .publish_document(a.control(), id, Place(ArenaId{0}, 0).bits, 2U << 20)
                .error()
                .code(),
            ErrorCode::kInvalid);
  EXPECT_EQ(
      harvester().publish_document(a.control(), id, Place(ArenaId{0}, 0).bits, 64).error().code(),
      ErrorCode::kCorrupt);
  const auto document = FakeDocument::make({ObjectId::make({1001}, {5000}, {0})});
  std::memcpy(a.arena_bytes(0), document.data(), document.size());
  EXPECT_EQ(harvester().publish_document(a.control(), id, 0, document.size()).error().code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(state(id), State::kLeased);
  EXPECT_EQ(host.worker().entries.detached_owner(id.index()), a.serial());
}

TEST_F(HarvestTest, only_ids_that_are_detached_for_this_client_are_published_by_message) {
  FakeClient a(host), b(host);
  a.new_arena();
  const ObjectId victim = b.put_blob(10);
  harvester().harvest_all();
  const ObjectId of_b = host.worker().entries.lease_detached(b.serial()).value();
  for (ObjectId id :
       {victim, a.next_id(), of_b, ObjectId::make({1001}, {9999}, {0}), ObjectId::invalid()}) {
    EXPECT_EQ(harvester().publish_blob(a.control(), id, 0, 10).error().code(), ErrorCode::kNotFound)
        << id.to_string();
    EXPECT_EQ(harvester().publish_document(a.control(), id, 0, 10).error().code(),
              ErrorCode::kNotFound);
  }
  EXPECT_EQ(a.block().arena_present[0].load(), 0u);
  EXPECT_EQ(state(victim), State::kLive);
}

}  // namespace
}  // namespace vineyard::shm
