// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/mapping_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "vineyard/client/client_test_support.h"

namespace vineyard::client {
namespace {

constexpr std::uint64_t kPage = 4096;

os::MappedRegion memory(std::uint64_t value, std::uint64_t size = kPage) {
  auto region = os::MappedRegion::map_anonymous(ByteCount(size)).value();
  std::memcpy(region.data(), &value, sizeof value);
  return region;
}
std::uint64_t value_at(const Mapping& m) {
  std::uint64_t value = 0;
  std::memcpy(&value, m.data, sizeof value);
  return value;
}
MappingKey key(std::uint32_t number) {
  return MappingKey::arena(ArenaId{number});
}

struct MappingCacheTest : ::testing::Test {
  FakeTables tables;
  std::unique_ptr<Pins> pins = make_pins(tables);
  std::unique_ptr<MappingCache> cache = MappingCache::create(*pins, 8 * kPage).value();
  std::uint32_t slot = pins->take_slot(tables).value();

  void add(std::uint32_t number) {
    pins->use_mapping(slot, key(number).value);
    ASSERT_TRUE(cache->insert(key(number), memory(number), 0));
  }
};

TEST_F(MappingCacheTest, finds_what_was_inserted) {
  add(1);
  add(2);
  EXPECT_EQ(value_at(cache->find(key(1))), 1u);
  EXPECT_EQ(value_at(cache->find(key(2))), 2u);
  EXPECT_EQ(cache->find(key(3)).data, nullptr);
  EXPECT_EQ(cache->find(MappingKey::outbox(1)).data, nullptr) << "an outbox is no arena";
}
TEST_F(MappingCacheTest, keeps_the_first_of_two_insertions) {
  add(1);
  EXPECT_EQ(value_at(cache->insert(key(1), memory(99), 0).value()), 1u);
  EXPECT_EQ(cache->size(), 1u);
}
TEST_F(MappingCacheTest, unmaps_what_nobody_uses) {
  add(1);
  add(2);
  pins->use_mapping(slot, 0);
  cache->drop([](MappingKey k, std::uint32_t) { return k == key(1); });
  EXPECT_EQ(cache->find(key(1)).data, nullptr);
  EXPECT_EQ(value_at(cache->find(key(2))), 2u);
  EXPECT_EQ(cache->bytes(), kPage);
}
TEST_F(MappingCacheTest, keeps_what_a_slot_uses_and_unmaps_it_later) {
  add(1);
  cache->drop_all_unused();
  EXPECT_EQ(value_at(cache->find(key(1))), 1u);
  pins->release(slot);
  cache->drop([](MappingKey, std::uint32_t) { return false; });
  EXPECT_EQ(cache->find(key(1)).data, nullptr) << "it was named before";
}
TEST_F(MappingCacheTest, unmaps_the_oldest_beyond_its_bound) {
  for (std::uint32_t i = 1; i <= 12; ++i) add(i);
  EXPECT_EQ(cache->size(), 8u);
  EXPECT_EQ(cache->find(key(4)).data, nullptr);
  EXPECT_EQ(value_at(cache->find(key(12))), 12u);
}
TEST_F(MappingCacheTest, keeps_what_is_read_again_and_again_until_it_is_retired) {
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t i = 1; i <= 12; ++i)
      if (cache->find(key(i)).data == nullptr) add(i);
  }
  EXPECT_EQ(cache->size(), 12u);
  for (std::uint32_t i = 1; i <= 12; ++i) EXPECT_EQ(value_at(cache->find(key(i))), i);
  pins->use_mapping(slot, 0);
  cache->drop([](MappingKey k, std::uint32_t) { return k.value <= 4; });
  EXPECT_EQ(cache->size(), 8u);
  for (std::uint32_t i = 13; i <= 20; ++i) add(i);
  EXPECT_EQ(cache->size(), 8u) << "the bound is as before";
}
TEST_F(MappingCacheTest, keeps_all_that_is_in_use_beyond_its_bound) {
  std::vector<std::uint32_t> slots;
  for (std::uint32_t i = 1; i <= 12; ++i) {
    slots.push_back(pins->take_slot(tables).value());
    pins->use_mapping(slots.back(), key(i).value);
    ASSERT_TRUE(cache->insert(key(i), memory(i), 0));
  }
  EXPECT_EQ(cache->size(), 12u);
  for (std::uint32_t i = 1; i <= 12; ++i) EXPECT_EQ(value_at(cache->find(key(i))), i);
  for (const std::uint32_t s : slots) pins->release(s);
  add(13);
  EXPECT_LE(cache->size(), 8u);
}
TEST_F(MappingCacheTest, finds_everything_after_much_coming_and_going) {
  std::mt19937 random(5);
  std::uint32_t next = 1;
  for (int i = 0; i < 20'000; ++i) {
    add(next++);
    const std::uint32_t back = 1 + random() % 12;
    const std::uint32_t asked = next > back ? next - back : 1;
    const Mapping m = cache->find(key(asked));
    if (back <= 8) {
      ASSERT_EQ(value_at(m), asked);
    }
  }
}

// Threads look mappings up and read them while another unmaps and maps them all the time. Unmapped
// memory that is read would be a fault; a cell read for another key would be a wrong value.
TEST_F(MappingCacheTest, a_mapping_in_use_is_never_unmapped_nor_mixed_up) {
  pins->release(slot);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<std::uint64_t> hits{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      while (!stop.load()) {
        const std::uint32_t n = 1 + random() % 16;
        const std::uint32_t s = pins->take_slot(tables).value();
        pins->use_mapping(s, key(n).value);
        Mapping m = cache->find(key(n));
        if (m.data == nullptr) m = cache->find_settled(key(n));
        if (m.data == nullptr) m = cache->insert(key(n), memory(n), 0).value();
        for (int k = 0; k < 10; ++k) wrong += value_at(m) != n;
        ++hits;
        pins->release(s);
      }
    });
  }
  for (int i = 0; i < 3000; ++i) {
    if (i % 3 == 0) {
      cache->drop_all_unused();
    } else {
      cache->drop(
          [&](MappingKey k, std::uint32_t) { return k.value % 3 == static_cast<unsigned>(i % 3); });
    }
  }
  while (hits < 10'000) std::this_thread::yield();
  stop = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace vineyard::client
