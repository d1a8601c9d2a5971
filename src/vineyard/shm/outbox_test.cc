// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/outbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "vineyard/shm/fake_region.h"
#include "vineyard/shm/index.h"

namespace vineyard::shm {
namespace {

std::vector<std::byte> text(std::size_t size, char c = 'x') {
  return std::vector<std::byte>(size, static_cast<std::byte>(c));
}

struct OutboxTest : ::testing::Test {
  FakeMemory<Region> region;
  FakeMemory<Outbox> box;
  FakeWorker worker{*region, *box, 3, 42};
};

TEST_F(OutboxTest, shows_nothing_before_publish_and_everything_after) {
  worker.grant_many(4);
  OutboxWriter writer(*box, worker.control());
  ASSERT_TRUE(writer.has_room(2, 100));
  const ObjectId blob = writer.add_blob(Place(ArenaId{5}, 640), 1000);
  const auto document = writer.add_document(text(100));
  EXPECT_TRUE(blob.is_blob());
  EXPECT_FALSE(document.id.is_blob());
  EXPECT_FALSE(is_published(*box, 0));
  EXPECT_EQ(writer.publish(), 2u);
  EXPECT_TRUE(is_published(*box, 0));
  EXPECT_TRUE(is_published(*box, 1));
  EXPECT_FALSE(is_published(*box, 2));
  const Record first = read_record(*box, 0);
  EXPECT_EQ(first.id, blob.value);
  EXPECT_EQ(Place(first.place).arena().value, 5u);
  EXPECT_EQ(Place(first.place).offset(), 640u);
  EXPECT_EQ(first.size, 1000u);
  const Record second = read_record(*box, 1);
  ASSERT_TRUE(document_in_bounds(second));
  std::vector<std::byte> copy(second.document_size);
  read_document(*box, second, copy.data());
  EXPECT_EQ(copy, text(100));
}

TEST_F(OutboxTest, gives_ids_in_the_order_in_which_they_were_granted) {
  worker.grant_many(3, 10);
  OutboxWriter writer(*box, worker.control());
  EXPECT_EQ(writer.add_blob(Place(), 1).index().value, 10u);
  EXPECT_EQ(writer.add_blob(Place(), 1).index().value, 11u);
  EXPECT_EQ(writer.add_document(text(8)).id.index().value, 12u);
}

TEST_F(OutboxTest, has_no_room_without_grants) {
  worker.grant_many(2);
  OutboxWriter writer(*box, worker.control());
  EXPECT_TRUE(writer.has_room(2));
  EXPECT_FALSE(writer.has_room(3));
  writer.add_blob(Place(), 1);
  EXPECT_TRUE(writer.has_room(1));
  EXPECT_FALSE(writer.has_room(2));
}

TEST_F(OutboxTest, keeps_to_the_room_that_its_grants_reserve_at_home) {
  worker.grant_many(4);
  OutboxWriter writer(*box, worker.control());
  EXPECT_TRUE(writer.has_room(1, 4 * limits::kDocumentBudget));
  EXPECT_FALSE(writer.has_room(1, 4 * limits::kDocumentBudget + 8));
  EXPECT_FALSE(writer.takes_document(4 * limits::kDocumentBudget + 8))
      << "not even when all is harvested";
  EXPECT_TRUE(writer.takes_document(4 * limits::kDocumentBudget));
  writer.add_document(text(2 * limits::kDocumentBudget));
  EXPECT_FALSE(writer.has_room(1, 3 * limits::kDocumentBudget));
  writer.publish();
  worker.harvest_one();
  worker.grant(EntryIndex{9});
  EXPECT_TRUE(writer.has_room(1, 3 * limits::kDocumentBudget));
}

TEST_F(OutboxTest, refuses_documents_that_are_too_large_for_the_ring) {
  worker.grant_many(limits::kRing);
  OutboxWriter writer(*box, worker.control());
  EXPECT_TRUE(writer.takes_document(limits::kMaxRingDocument));
  EXPECT_FALSE(writer.takes_document(limits::kMaxRingDocument + 1));
}

TEST_F(OutboxTest, reuses_the_rings_only_after_harvest_and_keeps_documents_in_one_piece) {
  std::uint32_t index = 0;
  worker.control().window.store(limits::kRing);
  for (; index < limits::kRing; ++index) worker.grant(EntryIndex{index});
  OutboxWriter writer(*box, worker.control());
  std::uint64_t published = 0;
  std::uint64_t harvested = 0;
  // Three times round the document ring, sizes that do not divide it.
  for (int round = 0; round < 300; ++round) {
    const std::size_t size = 20000 + static_cast<std::size_t>(round) * 7;
    while (!writer.has_room(1, size)) {
      ASSERT_LT(harvested, published) << "an empty outbox takes any document";
      const Record record = read_record(*box, static_cast<std::uint32_t>(harvested));
      ASSERT_TRUE(document_in_bounds(record)) << "round " << round;
      std::vector<std::byte> copy(record.document_size);
      read_document(*box, record, copy.data());
      ASSERT_EQ(copy, text(copy.size(), static_cast<char>('a' + harvested % 26)));
      worker.harvest_one();
      ++harvested;
      worker.grant(EntryIndex{index++ % 8192});
    }
    writer.add_document(text(size, static_cast<char>('a' + published % 26)));
    ++published;
    writer.publish();
  }
  EXPECT_GT(harvested, 150u);
}

TEST_F(OutboxTest, never_overwrites_a_record_that_was_not_harvested) {
  for (std::uint32_t i = 0; i < limits::kRing; ++i) worker.grant(EntryIndex{i});
  worker.control().window.store(limits::kRing);
  OutboxWriter writer(*box, worker.control());
  for (std::uint32_t i = 0; i < limits::kRing; ++i) {
    ASSERT_TRUE(writer.has_room(1));
    writer.add_blob(Place(ArenaId{1}, 64), 1);
  }
  writer.publish();
  worker.grant(EntryIndex{5000});  // a worker that lends too much
  EXPECT_FALSE(writer.has_room(1));
  worker.harvest_one();
  EXPECT_TRUE(writer.has_room(1));
}

TEST_F(OutboxTest, counts_positions_modulo_two_to_the_32) {
  box->tail.store((std::uint64_t{7} << 32) + 5);
  EXPECT_TRUE(is_published(*box, 4));
  EXPECT_TRUE(is_published(*box, 0xfffffff0U));
  EXPECT_FALSE(is_published(*box, 5));
}

TEST_F(OutboxTest, asks_for_more_grants_once_per_window) {
  worker.grant_many(8);
  OutboxWriter writer(*box, worker.control());
  EXPECT_FALSE(writer.top_up_due());
  for (int i = 0; i < 4; ++i) writer.add_blob(Place(), 1);
  EXPECT_TRUE(writer.top_up_due());
  EXPECT_FALSE(writer.top_up_due());
  for (std::uint32_t i = 0; i < 8; ++i) worker.grant(EntryIndex{100 + i});
  EXPECT_FALSE(writer.top_up_due());
  for (int i = 0; i < 8; ++i) writer.add_blob(Place(), 1);
  EXPECT_TRUE(writer.top_up_due());
}

TEST_F(OutboxTest, a_void_position_names_nothing) {
  worker.grant_many(1);
  OutboxWriter writer(*box, worker.control());
  writer.add_void();
  writer.publish();
  EXPECT_EQ(read_record(*box, 0).id, 0u);
  EXPECT_FALSE(document_in_bounds(read_record(*box, 0)));
}

TEST(Record, outside_the_document_ring_is_out_of_bounds) {
  EXPECT_FALSE(document_in_bounds({.id = 1,
                                   .place = 0,
                                   .size = 0,
                                   .document = limits::kDocumentRing - 8,
                                   .document_size = 16}));
  EXPECT_FALSE(document_in_bounds(
      {.id = 1, .place = 0, .size = 0, .document = 0, .document_size = ~std::uint64_t{0}}));
  EXPECT_FALSE(document_in_bounds({.id = 1,
                                   .place = 0,
                                   .size = 0,
                                   .document = 0,
                                   .document_size = limits::kMaxRingDocument + 1}));
  EXPECT_TRUE(document_in_bounds(
      {.id = 1, .place = 0, .size = 0, .document = ~std::uint64_t{0} - 15, .document_size = 16}));
}

// R9: the record and document of a position are reused while a reader copies them. Whatever passes
// the second look at the entry must be the id's own.
TEST_F(OutboxTest, a_reader_that_looks_again_never_uses_a_mixed_record) {
  constexpr std::uint32_t kEntry = 5;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> seen{0};
  std::thread writer_and_worker([&] {
    OutboxWriter writer(*box, worker.control());
    worker.control().window.store(64);
    std::uint32_t generation = 0;
    std::vector<std::uint64_t> words(2000);
    while (!stop.load(std::memory_order_relaxed)) {
      const ObjectId id = worker.grant(EntryIndex{kEntry}, Generation{generation++ & 0x3fff});
      for (std::uint32_t i = 1; i < 9; ++i)
        worker.grant(EntryIndex{kEntry + i});  // home room for the document
      std::fill(words.begin(), words.end(), id.value);
      const std::size_t bytes = 8 * (1 + generation % 500);
      if (!writer.has_room(1, bytes)) break;
      writer.add_document(std::as_bytes(std::span(words)).first(bytes));
      for (int i = 1; i < 9; ++i) writer.add_void();
      writer.publish();
      for (int i = 0; i < 9; ++i) worker.harvest_one();
    }
    stop = true;
  });
  IndexReader index(*region);
  std::vector<std::uint64_t> copy(limits::kMaxRingDocument / 8);
  for (std::uint64_t tries = 0; tries < 3'000'000 && seen < 20'000 && !stop; ++tries) {
    const Entry* entry = index.find(ObjectId::make(BlockId{7}, EntryIndex{kEntry}, Generation{}));
    ASSERT_NE(entry, nullptr);
    const std::uint64_t word = load_word(*entry);
    if (state_of(word) != State::kLeased) continue;
    const Lease lease = load_lease(*entry);
    if (!still_says(*entry, word) || !is_published(*box, lease.position)) continue;
    const Record record = read_record(*box, lease.position);
    if (!document_in_bounds(record)) continue;
    read_document(*box, record, reinterpret_cast<std::byte*>(copy.data()));
    if (!still_says(*entry, word)) continue;
    ++seen;
    const ObjectId id = id_of(EntryIndex{kEntry}, word);
    ASSERT_EQ(record.id, id.value);
    for (std::size_t i = 0; i < record.document_size / 8; ++i) ASSERT_EQ(copy[i], id.value);
  }
  EXPECT_FALSE(stop) << "the writer found no room";
  stop = true;
  writer_and_worker.join();
  RecordProperty("seen", static_cast<int>(seen.load()));
}

}  // namespace
}  // namespace vineyard::shm
