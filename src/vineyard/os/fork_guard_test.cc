// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/fork_guard.h"

#include <gtest/gtest.h>

#include "vineyard/os/test_child.h"

namespace vineyard::os {
namespace {

TEST(ForkGuard, starts_as_zero_and_keeps_what_is_written) {
  const auto guard = ForkGuard::create().value();
  EXPECT_EQ(guard.word().load(), 0U);
  guard.word() = 7;
  EXPECT_EQ(guard.word().load(), 7U);
}
TEST(ForkGuard, is_zero_in_a_child_and_in_its_child_and_unchanged_in_the_parent) {
  const auto guard = ForkGuard::create().value();
  guard.word() = 7;
  EXPECT_EQ(run_in_child([&] {
              if (guard.word().load() != 0) return 1;
              guard.word() = 8;
              return run_in_child([&] { return guard.word().load() == 0 ? 0 : 2; });
            }),
            0);
  EXPECT_EQ(guard.word().load(), 7U);
}

int g_before = 0;
int g_parent = 0;
int g_child = 0;

TEST(ForkHandlers, run_once_on_each_side_and_are_registered_only_once) {
  EXPECT_EQ(
      run_in_child([] {
        const ForkHandlers handlers{[] { ++g_before; }, [] { ++g_parent; }, [] { ++g_child; }};
        if (!register_fork_handlers_once(handlers).value()) return 1;
        if (register_fork_handlers_once(handlers).value()) return 2;
        const int child =
            run_in_child([] { return g_before == 1 && g_parent == 0 && g_child == 1 ? 0 : 3; });
        if (child != 0) return child;
        return g_before == 1 && g_parent == 1 && g_child == 0 ? 0 : 4;
      }),
      0);
}

}  // namespace
}  // namespace vineyard::os
