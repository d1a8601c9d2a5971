// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/pin_scan.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "vineyard/shm/worker/fakes/fake_host.h"

namespace vineyard::shm {
namespace {

ObjectId an_id(std::uint32_t index, std::uint32_t generation = 0) {
  return ObjectId::make(BlockId{1001}, {index}, {generation});
}

TEST(PinMarks, marks_what_is_in_the_set_whether_or_not_it_is_a_blob) {
  PinMarks marks(2);
  marks.add(an_id(1));
  marks.add(an_id(2).with_blob_bit());
  marks.see(an_id(1).with_blob_bit());
  EXPECT_TRUE(marks.is_pinned(an_id(1)));
  EXPECT_FALSE(marks.is_pinned(an_id(2)));
  marks.see(an_id(2));
  EXPECT_TRUE(marks.is_pinned(an_id(2).with_blob_bit()));
}

TEST(PinMarks, a_pin_of_another_generation_pins_nothing) {
  PinMarks marks(1);
  marks.add(an_id(1, 5));
  marks.see(an_id(1, 4));
  marks.see(an_id(1, 6));
  EXPECT_FALSE(marks.is_pinned(an_id(1, 5)));
}

TEST(PinMarks, hostile_pins_mark_nothing) {
  PinMarks marks(1);
  marks.add(an_id(1));
  for (std::uint64_t bits :
       {std::uint64_t{0}, ObjectId::kBlobBit, ~std::uint64_t{0}, std::uint64_t{1}})
    marks.see(ObjectId(bits));
  EXPECT_FALSE(marks.is_pinned(an_id(1)));
  EXPECT_FALSE(marks.is_pinned(ObjectId::empty_blob()));
  EXPECT_FALSE(marks.is_pinned(ObjectId::invalid()));
}

TEST(PinMarks, random_sets_agree_with_a_simple_model) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (std::size_t size : {0U, 1U, 7U, 8U, 1000U}) {
    PinMarks marks(size);
    std::set<std::uint64_t> in, pinned;
    for (std::size_t n = 0; n < size; ++n) {
      const ObjectId id = an_id(static_cast<std::uint32_t>(random() % 2000));
      marks.add(id);
      in.insert(id.value);
    }
    for (int n = 0; n < 3000; ++n) {
      const ObjectId id = an_id(static_cast<std::uint32_t>(random() % 2000));
      if (n % 3 == 0) {
        marks.see(id);
        if (in.contains(id.value)) pinned.insert(id.value);
      }
      ASSERT_EQ(marks.is_pinned(id), pinned.contains(id.value));
    }
  }
}

struct PinScan : ::testing::Test {
  FakeHost host;
  bool is_pinned(ObjectId id, const std::vector<ObjectId>& own = {}) {
    PinMarks marks(1);
    marks.add(id);
    EXPECT_TRUE(scan_pins(host.worker().holds, own, marks));
    return marks.is_pinned(id);
  }
};

TEST_F(PinScan, finds_a_pin_in_any_slot_of_any_table) {
  FakeClient a(host), b(host);
  EXPECT_FALSE(is_pinned(an_id(3)));
  b.pin(limits::kPinSlots - 1, an_id(3));
  EXPECT_TRUE(is_pinned(an_id(3)));
  b.unpin(limits::kPinSlots - 1);
  EXPECT_FALSE(is_pinned(an_id(3)));
  a.pin(0, an_id(3));
  EXPECT_TRUE(is_pinned(an_id(3)));
}

TEST_F(PinScan, counts_what_the_worker_pins_for_clients) {
  EXPECT_TRUE(is_pinned(an_id(3), {an_id(2), an_id(3)}));
  EXPECT_FALSE(is_pinned(an_id(3), {an_id(2)}));
}

TEST_F(PinScan, reads_no_further_than_the_mark_and_never_past_the_table) {
  FakeClient a(host);
  a.pin(5, an_id(3));
  a.pins().high_water.store(5);
  EXPECT_FALSE(is_pinned(an_id(3))) << "slot 5 is at the mark, not below";
  a.pins().high_water.store(~std::uint64_t{0});
  EXPECT_TRUE(is_pinned(an_id(3)));
}

TEST_F(PinScan, says_that_it_cannot_tell_when_a_table_cannot_be_read) {
  FakeClient a(host);
  host.worker().holds.find(Kind::kPinTable, a.pin_table())->fd.reset();
  PinMarks marks(1);
  marks.add(an_id(3));
  EXPECT_FALSE(scan_pins(host.worker().holds, {}, marks));
}

}  // namespace
}  // namespace vineyard::shm
