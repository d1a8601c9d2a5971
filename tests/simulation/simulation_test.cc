// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "cluster.h"
#include "vineyard/base/failpoint.h"

namespace vineyard::simulation {
namespace {

std::uint64_t number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

Options options_of(std::uint64_t seed) {
  return {.seed = seed,
          .instances = 2 + static_cast<int>(seed % 4),
          .busy = 4'000 + seed % 7 * 2'000,
          .faults = seed % 10 != 0,
          .loses_data = seed % 5 == 1,
          .trace = number("VINEYARD_TRACE", 0) != 0};
}

// The violations of `count` seeds; stops soon after the first one.
std::vector<std::string> violations(std::uint64_t first, std::uint64_t count,
                                    std::uint64_t* transactions = nullptr) {
  const std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::vector<std::string>> found(threads);
  std::vector<std::uint64_t> seen(threads);
  std::atomic<std::uint64_t> next{first};
  std::atomic<bool> enough{false};
  {
    std::vector<std::jthread> workers;
    for (std::size_t t = 0; t < threads; ++t)
      workers.emplace_back([&, t] {
        for (;;) {
          const std::uint64_t seed = next.fetch_add(1);
          if (seed >= first + count || enough.load()) return;
          Cluster cluster(options_of(seed));
          found[t] = cluster.run();
          seen[t] += cluster.history().transactions;
          if (!found[t].empty()) {
            enough.store(true);
            return;
          }
        }
      });
  }
  std::vector<std::string> all;
  for (auto& one : found) all.insert(all.end(), one.begin(), one.end());
  if (transactions != nullptr)
    for (const std::uint64_t n : seen) *transactions += n;
  return all;
}

TEST(Simulation, keeps_every_promise_from_each_seed) {
  const std::uint64_t seeds = number("VINEYARD_SEEDS", 20'000);
  std::uint64_t transactions = 0;
  const auto wrong = violations(number("VINEYARD_FIRST_SEED", 1), seeds, &transactions);
  for (const std::string& text : wrong) ADD_FAILURE() << text;
  RecordProperty("transactions", std::to_string(transactions));
  EXPECT_GT(transactions, seeds * 20) << "something happened";
}

TEST(Simulation, the_same_seed_does_the_same) {
  Cluster one(options_of(7)), two(options_of(7));
  EXPECT_EQ(one.run(), two.run());
  EXPECT_EQ(one.history().transactions, two.history().transactions);
  EXPECT_GT(one.history().faults, 0U);
}

#ifdef VINEYARD_FAILPOINTS
// Each mechanism, left out, is missed: else it would not be needed, or this would see nothing. What an announcement does
// for a transaction in doubt shows too seldom here; `Catalog.an_attempt_that_may_still_arrive..` has it.
struct Rule {
  const char* name;
  std::uint64_t first_seed;  // a little before one that shows it, so that the search is short
};
class LeftOut : public testing::TestWithParam<Rule> {
 protected:
  void TearDown() override { leave_rule_out(nullptr); }
};
TEST_P(LeftOut, is_missed) {
  leave_rule_out(GetParam().name);
  const auto found = violations(GetParam().first_seed, 20'000);
  ASSERT_FALSE(found.empty());
  std::cout << found.front() << '\n';
}
INSTANTIATE_TEST_SUITE_P(Catalog, LeftOut,
                         testing::Values(Rule{"turn", 1}, Rule{"session", 1}, Rule{"repeat", 1},
                                         Rule{"late", 1'090}, Rule{"drops", 1'940}),
                         [](const auto& info) { return std::string(info.param.name); });
#endif

}  // namespace
}  // namespace vineyard::simulation
