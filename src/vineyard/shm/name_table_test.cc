// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/name_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "vineyard/shm/fake_region.h"
#include "vineyard/shm/name_hash.h"

namespace vineyard::shm {
namespace {

struct NameTableTest : ::testing::Test {
  FakeMemory<Region> region;
  std::string bytes;

  void put(std::uint32_t slot, std::string_view name, std::uint64_t id) {
    NameSlot& s = region->names[slot % limits::kNames];
    s.hash.store(name_hash(name));
    s.place.store(Place(ArenaId{1}, bytes.size()).bits);
    s.length.store(name.size());
    s.id.store(id);
    bytes += name;
    bytes.resize(extent_step(bytes.size()));
    region->header.names_used.fetch_add(1);
  }
  std::optional<ObjectId> find(std::string_view name) {
    NameLookup lookup(*region, name);
    while (const auto c = lookup.next()) {
      const auto at =
          std::as_bytes(std::span(bytes)).subspan(c->bytes.place.offset(), c->bytes.size);
      if (lookup.is_it(*c, at)) return c->id;
    }
    return std::nullopt;
  }
  static std::uint32_t home(std::string_view name) {
    return static_cast<std::uint32_t>(name_hash(name) % limits::kNames);
  }
};

TEST_F(NameTableTest, finds_a_name) {
  put(home("apples"), "apples", 77);
  EXPECT_EQ(find("apples"), ObjectId(77));
  EXPECT_EQ(find("pears"), std::nullopt);
}
TEST_F(NameTableTest, probes_past_others_and_past_names_that_were_dropped) {
  put(home("apples"), "pears", 1);
  put(home("apples") + 1, "plums", kNameTombstone);
  put(home("apples") + 2, "apples", 77);
  EXPECT_EQ(find("apples"), ObjectId(77));
}
TEST_F(NameTableTest, stops_at_a_slot_that_was_never_used) {
  put(home("apples") + 1, "apples", 77);
  EXPECT_EQ(find("apples"), std::nullopt);
}
TEST_F(NameTableTest, does_not_touch_a_table_without_names) {
  put(home("apples"), "apples", 77);
  region->header.names_used.store(0);
  EXPECT_EQ(find("apples"), std::nullopt);
}
TEST_F(NameTableTest, compares_the_bytes_and_not_the_hash_alone) {
  put(home("apples"), "apples", 77);
  bytes[0] = 'A';
  EXPECT_EQ(find("apples"), std::nullopt);
}
TEST_F(NameTableTest, looks_at_the_slot_again_after_the_bytes) {
  put(home("apples"), "apples", 77);
  NameLookup lookup(*region, "apples");
  const auto c = lookup.next();
  ASSERT_TRUE(c);
  region->names[c->slot].id.store(78);
  EXPECT_FALSE(lookup.is_it(*c, std::as_bytes(std::span(bytes)).first(6)));
}
TEST_F(NameTableTest, ends_in_a_full_table) {
  region->header.names_used.store(limits::kNames);
  for (auto& slot : region->names) slot.id.store(kNameTombstone);
  EXPECT_EQ(find("apples"), std::nullopt);
}

}  // namespace
}  // namespace vineyard::shm
