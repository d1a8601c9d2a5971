// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/no_waiting.h"

#include <gtest/gtest.h>

#include <thread>

namespace vineyard {
namespace {

TEST(NoWaiting, refuses_only_while_it_lives_and_says_that_it_did) {
  EXPECT_FALSE(NoWaiting::refuses());
  {
    const NoWaiting now;
    EXPECT_FALSE(now.refused());
    EXPECT_TRUE(NoWaiting::refuses());
    EXPECT_TRUE(now.refused());
  }
  EXPECT_FALSE(NoWaiting::refuses());
}

TEST(NoWaiting, is_a_matter_of_its_thread) {
  const NoWaiting now;
  bool elsewhere = true;
  std::thread([&elsewhere] { elsewhere = NoWaiting::refuses(); }).join();
  EXPECT_FALSE(elsewhere);
  EXPECT_FALSE(now.refused());
}

}  // namespace
}  // namespace vineyard
