// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/names.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

#include "vineyard/base/limits.h"
#include "vineyard/shm/name_hash.h"
#include "vineyard/shm/worker/fakes/fake_host.h"

namespace vineyard::shm {
namespace {

constexpr auto kReplace = Names::Mode::kReplace;

struct NamesTest : ::testing::Test {
  FakeHost host;
  Names& names() { return host.worker().names; }

  // As a reader looks: from the hash on, until a slot that was never used.
  std::optional<ObjectId> look_up(std::string_view name) {
    const std::uint64_t hash = name_hash(name);
    for (std::uint32_t probe = 0; probe < limits::kNames; ++probe) {
      const NameSlot& s = host.region().names[(hash + probe) % limits::kNames];
      const std::uint64_t id = s.id.load();
      if (id == 0) return std::nullopt;
      if (id == kNameTombstone || s.hash.load() != hash || s.length.load() != name.size()) continue;
      const std::byte* bytes = host.worker().arenas.bytes({Place(s.place.load()), s.length.load()});
      if (bytes != nullptr && std::memcmp(bytes, name.data(), name.size()) == 0)
        return ObjectId(id);
    }
    return std::nullopt;
  }
};

TEST_F(NamesTest, a_name_that_was_put_is_found_by_worker_and_readers) {
  ASSERT_TRUE(names().put("a", ObjectId(77), kReplace));
  EXPECT_EQ(names().get("a"), ObjectId(77));
  EXPECT_EQ(look_up("a"), ObjectId(77));
  EXPECT_EQ(names().get("b"), std::nullopt);
  EXPECT_EQ(look_up("b"), std::nullopt);
}

TEST_F(NamesTest, replaces_unless_told_otherwise) {
  ASSERT_TRUE(names().put("a", ObjectId(1), kReplace));
  EXPECT_EQ(names().put("a", ObjectId(2), Names::Mode::kIfAbsent).error().code(),
            ErrorCode::kExists);
  EXPECT_EQ(look_up("a"), ObjectId(1));
  ASSERT_TRUE(names().put("a", ObjectId(2), kReplace));
  EXPECT_EQ(look_up("a"), ObjectId(2));
  EXPECT_EQ(names().size(), 1u);
}

TEST_F(NamesTest, refuses_empty_and_long_names) {
  EXPECT_EQ(names().put("", ObjectId(1), kReplace).error().code(), ErrorCode::kInvalid);
  EXPECT_TRUE(names().put(std::string(limits::kMaxName, 'x'), ObjectId(1), kReplace));
  EXPECT_EQ(
      names().put(std::string(limits::kMaxName + 1, 'x'), ObjectId(1), kReplace).error().code(),
      ErrorCode::kInvalid);
}

TEST_F(NamesTest, names_are_opaque_bytes) {
  const std::string odd("\0/../\xff\n", 7);
  ASSERT_TRUE(names().put(odd, ObjectId(1), kReplace));
  EXPECT_EQ(look_up(odd), ObjectId(1));
  EXPECT_EQ(look_up(std::string_view(odd).substr(0, 1)), std::nullopt);
}

TEST_F(NamesTest, a_dropped_name_is_gone_and_its_bytes_are_free) {
  ASSERT_TRUE(names().put("a", ObjectId(1), kReplace));
  const std::uint64_t free_with_it = host.worker().arenas.home_free_bytes();
  EXPECT_TRUE(names().drop("a"));
  EXPECT_FALSE(names().drop("a"));
  EXPECT_EQ(look_up("a"), std::nullopt);
  EXPECT_EQ(host.worker().arenas.home_free_bytes(), free_with_it + 64);
}

TEST_F(NamesTest, a_dropped_name_hides_no_name_behind_it) {
  // Fill a run of slots around one hash by brute force.
  std::vector<std::string> near;
  const std::uint64_t first = name_hash("0") % limits::kNames;
  for (int n = 0; near.size() < 3; ++n) {
    const std::string name = std::to_string(n);
    if (name_hash(name) % limits::kNames == first || n < 1) near.push_back(name);
  }
  for (const auto& name : near) ASSERT_TRUE(names().put(name, ObjectId(5), kReplace));
  EXPECT_TRUE(names().drop(near[0]));
  EXPECT_EQ(look_up(near[1]), ObjectId(5));
  EXPECT_EQ(look_up(near[2]), ObjectId(5));
  ASSERT_TRUE(names().put(near[0], ObjectId(6), kReplace));
  EXPECT_EQ(look_up(near[0]), ObjectId(6));
}

TEST_F(NamesTest, clear_drops_all) {
  for (int n = 0; n < 100; ++n)
    ASSERT_TRUE(names().put("n" + std::to_string(n), ObjectId(1), kReplace));
  names().clear();
  EXPECT_EQ(names().size(), 0u);
  EXPECT_EQ(look_up("n5"), std::nullopt);
}

TEST_F(NamesTest, without_memory_a_put_changes_nothing) {
  FakeHost full(2U << 20);
  full.keeper.refuse_next(1);
  EXPECT_EQ(full.worker().names.put("a", ObjectId(1), kReplace).error().code(),
            ErrorCode::kUnavailable);
  EXPECT_EQ(full.worker().names.get("a"), std::nullopt);
  EXPECT_EQ(full.region().header.names_used.load(), 0u);
}

TEST_F(NamesTest, random_operations_agree_with_a_map_and_with_a_successor) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::map<std::string, std::uint64_t> model;
  for (int step = 0; step < 3000; ++step) {
    const std::string name = "name" + std::to_string(random() % 300);
    switch (random() % 5) {
      case 0:
      case 1:
      case 2: {
        const std::uint64_t id = 1 + random() % 1000;
        ASSERT_TRUE(names().put(name, ObjectId(id), kReplace));
        model[name] = id;
        break;
      }
      case 3: EXPECT_EQ(names().drop(name), model.erase(name) > 0); break;
      default:
        if (step % 100 < 2) {
          EXPECT_EQ(host.restart().broken_extents, 0u);
        }
    }
    const auto found = look_up(name);
    ASSERT_EQ(found.has_value(), model.contains(name)) << name;
    if (found) {
      ASSERT_EQ(found->value, model[name]);
    }
  }
  EXPECT_EQ(names().size(), model.size());
  EXPECT_EQ(host.worker().arenas.check_consistency(), std::nullopt);
}

}  // namespace
}  // namespace vineyard::shm
