// SPDX-License-Identifier: Apache-2.0
// What a client may write into its outbox, and what becomes of it: honest records, forged ones, and garbage.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "daemon.h"
#include "raw_client.h"
#include "vineyard/meta/document_builder.h"

namespace vineyard::testing {
namespace {

using shm::State;

std::uint64_t place_in(std::uint32_t list_number, std::uint64_t offset) {
  return (std::uint64_t{list_number} << 32) | (offset / 64);
}

class RawRecords : public ::testing::Test {
 protected:
  RawClient join() {
    auto c = RawClient::join(daemon_.socket());
    if (!c) ADD_FAILURE() << c.error().message() << "\n" << daemon_.log();
    return *std::move(c);
  }
  void sync(RawClient& c) {
    const auto done = c.call(protocol::SyncRequest{});
    ASSERT_TRUE(done) << done.error().message();
  }
  void expect_consistent(RawClient& c) {
    const auto check = c.call(protocol::CheckRequest{});
    ASSERT_TRUE(check) << check.error().message();
    EXPECT_EQ(check->findings, 0U) << check->json;
  }
  // A document with members, written into the ring at its start.
  std::uint64_t write_document(RawClient& c, std::uint64_t at,
                               const std::vector<ObjectId>& members) {
    meta::DocumentBuilder b("test::Object");
    b.set(b.root(), "answer", 42);
    for (std::size_t n = 0; n < members.size(); ++n)
      b.add_member(b.root(), "m" + std::to_string(n), members[n]);
    const auto bytes = b.finish();
    EXPECT_TRUE(bytes);
    std::memcpy(c.outbox().documents + at, bytes->data(), bytes->size());
    return bytes->size();
  }
  Daemon daemon_;
};

TEST_F(RawRecords, an_honest_blob_and_its_parent_become_live_and_are_deleted_together) {
  RawClient c = join();
  std::uint32_t number = 0;
  auto arena = c.new_arena(65536, &number);
  ASSERT_TRUE(arena) << arena.error().message();
  std::memcpy(arena->data(), "hello", 5);
  const ObjectId blob = c.grant(0).with_blob_bit(), parent = c.grant(1);
  c.write_record(0, {blob.value, place_in(number, 0), 5, 0, 0});
  const std::uint64_t size = write_document(c, 0, {blob});
  c.write_record(1, {parent.value, 0, 0, 0, size});
  c.publish(2);
  sync(c);
  EXPECT_EQ(c.state_of(blob), State::kLive);
  EXPECT_EQ(c.state_of(parent), State::kLive);
  EXPECT_EQ(c.control().arena_present[number].load(), 1U);
  expect_consistent(c);

  const auto kept = c.call(protocol::DeleteRequest{{blob.value}, 0, 0});
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->kept, std::vector<std::uint64_t>{blob.value});
  EXPECT_EQ(kept->holders, std::vector<std::uint64_t>{parent.value});
  const auto gone = c.call(protocol::DeleteRequest{{parent.value}, 1, 0});
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->deleted, 2U);
  EXPECT_EQ(c.state_of(blob), State::kFree);
  EXPECT_EQ(c.control().arena_present[number].load(), 0U);
  expect_consistent(c);
}

TEST_F(RawRecords, a_pinned_object_waits_and_goes_when_the_pin_does) {
  RawClient c = join();
  std::uint32_t number = 0;
  auto arena = c.new_arena(65536, &number);
  ASSERT_TRUE(arena);
  const ObjectId blob = c.grant(0).with_blob_bit();
  c.write_record(0, {blob.value, place_in(number, 64), 100, 0, 0});
  c.publish(1);
  sync(c);
  c.pins().high_water.store(1);
  c.pins().slots[0].store(blob.value);
  ASSERT_TRUE(c.call(protocol::DeleteRequest{{blob.value}, 0, 0}));
  EXPECT_EQ(c.state_of(blob), State::kDeleted);
  daemon_.kill_worker();
  sync(c);
  EXPECT_EQ(c.state_of(blob), State::kDeleted) << "deleted stays deleted (R12)";
  c.pins().slots[0].store(0);
  wait_for("the bytes to be reclaimed", [&] { return c.state_of(blob) == State::kFree; });
  expect_consistent(c);
}

TEST_F(RawRecords, forged_places_are_refused_and_hurt_nobody) {
  RawClient victim = join(), hostile = join();
  std::uint32_t number = 0, own = 0;
  auto arena = victim.new_arena(65536, &number);
  auto mine = hostile.new_arena(4096, &own);
  ASSERT_TRUE(arena && mine);
  const ObjectId treasure = victim.grant(0).with_blob_bit();
  std::memset(arena->data(), 7, 1000);
  victim.write_record(0, {treasure.value, place_in(number, 0), 1000, 0, 0});
  victim.publish(1);
  sync(victim);
  const std::uint64_t real_place = victim.region().entries[treasure.index().value].place.load();

  const shm::Record forged[] = {
      {hostile.grant(0).with_blob_bit().value, real_place, 1000, 0,
       0},  // the victim's arena by its number
      {hostile.grant(1).with_blob_bit().value, place_in(own, 4096), 1, 0,
       0},  // at the end of its own
      {hostile.grant(2).with_blob_bit().value, place_in(own, 64), ~0ULL, 0, 0},  // an overflow
      {hostile.grant(3).with_blob_bit().value, place_in(63, 0), 64, 0, 0},       // no such number
      {treasure.value, place_in(own, 0), 64, 0, 0},  // somebody else's id
      {hostile.grant(5).value, 0, 0, limits::kDocumentRing - 8,
       64},  // a document over the ring's end
      {hostile.grant(6).value, 0, 0, 0, limits::kMaxRingDocument + 1ULL},  // too large
      {hostile.grant(7).value, 0, 0, 64, 128},                             // zeroes are no document
  };
  for (std::uint64_t n = 0; n < 8; ++n) hostile.write_record(n, forged[n]);
  hostile.publish(8);
  sync(hostile);
  for (std::uint64_t n = 0; n < 8; ++n)
    EXPECT_EQ(hostile.state_of(hostile.grant(n).with_blob_bit()), State::kFree) << n;
  EXPECT_EQ(victim.state_of(treasure), State::kLive);
  EXPECT_EQ(victim.region().entries[treasure.index().value].place.load(), real_place);
  expect_consistent(victim);
}

TEST_F(RawRecords, members_that_are_not_there_make_a_document_void) {
  RawClient c = join();
  const ObjectId self = c.grant(0), unpublished = c.grant(3);
  const std::vector<std::vector<ObjectId>> members = {
      {self}, {unpublished}, {ObjectId(0x123456789abcdef)}};
  std::uint64_t at = 0;
  for (std::uint64_t n = 0; n < 3; ++n) {
    const std::uint64_t size = write_document(c, at, members[n]);
    c.write_record(n, {c.grant(n).value, 0, 0, at, size});
    at += (size + 7) & ~7ULL;
  }
  c.publish(3);
  sync(c);
  for (std::uint64_t n = 0; n < 3; ++n) EXPECT_EQ(c.state_of(c.grant(n)), State::kFree) << n;
  expect_consistent(c);
}

TEST_F(RawRecords, a_tail_beyond_what_was_granted_is_clamped) {
  RawClient c = join();
  c.publish(1000000);
  sync(c);
  EXPECT_EQ(c.control().harvested.load(), limits::kFirstGrants) << "all were void";
  expect_consistent(c);
}

TEST_F(RawRecords, random_garbage_never_kills_the_worker) {
  RawClient c = join(), innocent = join();
  std::uint32_t number = 0;
  auto arena = c.new_arena(65536, &number);
  ASSERT_TRUE(arena);
  std::mt19937_64 random(20261124);
  const pid_t worker = daemon_.worker();
  std::uint64_t tail = 0;
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t granted = c.control().granted.load();
    for (; tail < granted; ++tail) {
      shm::Record r{};
      const ObjectId id = c.grant(tail);
      r.id = random() % 4 ? id.value | (random() % 2 ? ObjectId::kBlobBit : 0) : random();
      r.place = random() % 2 ? place_in(number, random() % 70000) : random();
      r.size = random() % 2 ? random() % 70000 : random();
      r.document = random() % 2 ? random() % limits::kDocumentRing : random();
      r.document_size = random() % 2 ? random() % 2000 : random();
      for (int n = 0; n < 64; ++n)
        c.outbox().documents[random() % 4096] = static_cast<std::uint8_t>(random());
      if (random() % 3 == 0)
        r.document = 0, r.document_size = write_document(c, 0, {ObjectId(random())});
      c.write_record(tail, r);
    }
    c.publish(random() % 8 ? tail : random());
    sync(c);
    tail = c.control().harvested.load();
  }
  EXPECT_EQ(daemon_.worker(), worker);
  expect_consistent(innocent);
}

TEST_F(RawRecords, what_was_published_before_the_writer_died_stays_and_the_rest_goes) {
  ObjectId kept, lost;
  RawClient reader = join();
  {
    RawClient c = join();
    std::uint32_t number = 0;
    auto arena = c.new_arena(65536, &number);
    ASSERT_TRUE(arena);
    kept = c.grant(0).with_blob_bit();
    lost = c.grant(1);
    c.write_record(0, {kept.value, place_in(number, 0), 10, 0, 0});
    c.publish(1);
  }
  wait_for("the grants of the dead to be taken back",
           [&] { return reader.state_of(lost) == State::kFree; });
  EXPECT_EQ(reader.state_of(kept), State::kLive);
  ASSERT_TRUE(reader.call(protocol::DeleteRequest{{kept.value}, 0, 0}));
  EXPECT_EQ(reader.state_of(kept), State::kFree);
  expect_consistent(reader);
}

}  // namespace
}  // namespace vineyard::testing
