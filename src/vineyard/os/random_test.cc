// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/random.h"

#include <gtest/gtest.h>

#include <set>

namespace vineyard::os {
namespace {

TEST(Random, bits_do_not_come_again) {
  std::set<std::uint64_t> seen;
  for (int n = 0; n < 1000; ++n) EXPECT_TRUE(seen.insert(random_bits()).second);
}

}  // namespace
}  // namespace vineyard::os
