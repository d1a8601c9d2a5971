// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/extents.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace vineyard::shm {
namespace {

using Handle = ExtentAllocator::Handle;

// The plainest allocator there is: which units are taken, and by whom.
class SimpleModel {
 public:
  explicit SimpleModel(std::uint32_t units) : taken_(units) {}
  [[nodiscard]] bool is_free(std::uint32_t offset, std::uint32_t units) const {
    for (std::uint32_t u = offset; u < offset + units; ++u) {
      if (u >= taken_.size() || taken_[u]) return false;
    }
    return true;
  }
  void set(std::uint32_t offset, std::uint32_t units, bool taken) {
    for (std::uint32_t u = offset; u < offset + units; ++u) taken_[u] = taken;
  }
  [[nodiscard]] std::uint32_t longest_free() const {
    std::uint32_t longest = 0, run = 0;
    for (bool t : taken_) longest = std::max(longest, run = t ? 0 : run + 1);
    return longest;
  }
  [[nodiscard]] std::uint32_t free_units() const {
    return static_cast<std::uint32_t>(std::count(taken_.begin(), taken_.end(), false));
  }

 private:
  std::vector<bool> taken_;
};

TEST(Extents, starts_with_one_free_run) {
  ExtentAllocator e(100);
  EXPECT_EQ(e.free_units(), 100u);
  EXPECT_TRUE(e.empty());
  const auto all = e.allocate(100);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->offset, 0u);
  EXPECT_FALSE(e.allocate(1));
  e.free(all->handle);
  EXPECT_TRUE(e.empty());
  EXPECT_EQ(e.check_consistency(), std::nullopt);
}

TEST(Extents, joins_a_freed_run_with_both_its_neighbours) {
  ExtentAllocator e(30);
  const auto a = e.allocate(10), b = e.allocate(10), c = e.allocate(10);
  ASSERT_TRUE(a && b && c);
  e.free(a->handle);
  e.free(c->handle);
  EXPECT_FALSE(e.allocate(11));
  e.free(b->handle);
  EXPECT_EQ(e.check_consistency(), std::nullopt);
  EXPECT_TRUE(e.allocate(30));
}

TEST(Extents, finds_a_run_of_exactly_the_wanted_length_in_the_bin_of_the_request) {
  // 100 falls between two bins: the search above it finds nothing, the bin of the request itself has the run.
  ExtentAllocator e(300);
  const auto a = e.allocate(100), b = e.allocate(100), c = e.allocate(100);
  ASSERT_TRUE(a && b && c);
  e.free(b->handle);
  const auto again = e.allocate(100);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->offset, b->offset);
}

TEST(Extents, refuses_more_than_the_arena_has) {
  ExtentAllocator e(16);
  EXPECT_FALSE(e.allocate(17));
  EXPECT_FALSE(e.allocate(~0U));
}

TEST(Extents, works_on_the_largest_arena_there_can_be) {
  ExtentAllocator e(~0U);
  const auto all = e.allocate(~0U - 1);
  ASSERT_TRUE(all);
  EXPECT_TRUE(e.allocate(1));
  EXPECT_FALSE(e.allocate(1));
  EXPECT_EQ(e.check_consistency(), std::nullopt);
}

TEST(Extents, rebuild_refuses_runs_that_overlap_or_leave_the_arena) {
  ExtentAllocator e(100);
  Handle h = ExtentAllocator::kNone;
  e.begin_rebuild();
  EXPECT_TRUE(e.rebuild_taken(10, 10, &h));
  EXPECT_FALSE(e.rebuild_taken(19, 5, &h));
  EXPECT_FALSE(e.rebuild_taken(30, 0, &h));
  EXPECT_TRUE(e.rebuild_taken(20, 5, &h));
  EXPECT_FALSE(e.rebuild_taken(90, 11, &h));
  EXPECT_FALSE(e.rebuild_taken(101, 1, &h));
  EXPECT_FALSE(e.rebuild_taken(~0U, ~0U, &h));
  e.finish_rebuild();
  EXPECT_EQ(e.check_consistency(), std::nullopt);
  EXPECT_EQ(e.free_units(), 85u);
}

TEST(Extents, random_operations_agree_with_a_simple_model_and_survive_rebuilds) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (std::uint32_t units : {1U, 7U, 64U, 1000U, 4096U}) {
    ExtentAllocator e(units);
    SimpleModel model(units);
    struct Taken {
      std::uint32_t units;
      Handle handle;
    };
    std::map<std::uint32_t, Taken> taken;  // by offset
    const auto free_one = [&](std::map<std::uint32_t, Taken>::iterator it) {
      model.set(it->first, it->second.units, false);
      e.free(it->second.handle);
      taken.erase(it);
    };
    for (int step = 0; step < 2000; ++step) {
      const std::uint32_t dice = random() % 100;
      if (dice < 50) {
        const std::uint32_t most = 1U << (random() % 11);
        const std::uint32_t wanted = 1 + random() % most;
        const auto run = e.allocate(wanted);
        ASSERT_EQ(run.has_value(), wanted <= model.longest_free()) << wanted << " of " << units;
        if (run) {
          ASSERT_TRUE(model.is_free(run->offset, wanted));
          model.set(run->offset, wanted, true);
          taken[run->offset] = {wanted, run->handle};
        }
      } else if (dice < 97) {
        if (taken.empty()) continue;
        free_one(std::next(taken.begin(), random() % taken.size()));
      } else {  // a worker dies
        e.begin_rebuild();
        for (auto& [offset, t] : taken) ASSERT_TRUE(e.rebuild_taken(offset, t.units, &t.handle));
        e.finish_rebuild();
      }
      ASSERT_EQ(e.check_consistency(), std::nullopt);
      ASSERT_EQ(e.free_units(), model.free_units());
    }
    while (!taken.empty()) free_one(taken.begin());
    EXPECT_TRUE(e.empty());
    EXPECT_EQ(e.check_consistency(), std::nullopt);
  }
}

}  // namespace
}  // namespace vineyard::shm
