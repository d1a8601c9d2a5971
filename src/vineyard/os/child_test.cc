// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/child.h"

#include <gtest/gtest.h>

#include "vineyard/os/test_child.h"

namespace vineyard::os {
namespace {

TEST(Child, has_a_connection_to_its_parent) {
  auto child = fork_child([](UniqueFd socket) { exit_now(hear(socket) ? 7 : 8); }).value();
  tell(child.socket);
  EXPECT_TRUE(wait_readable(child.pidfd, kForever).value());
  EXPECT_EQ(wait_child(child.pid)->status, 7);
}
TEST(Child, does_not_come_back_from_its_body) {
  auto child = fork_child([](UniqueFd) {}).value();
  EXPECT_EQ(wait_child(child.pid)->status, 1);
}
TEST(Child, notices_when_its_parent_lets_go) {
  auto child = fork_child([](UniqueFd socket) { exit_now(hear(socket) ? 7 : 8); }).value();
  child.socket.reset();
  EXPECT_EQ(wait_child(child.pid)->status, 8);
}
TEST(Child, one_that_ignores_the_first_signal_is_killed) {
  auto child = fork_child([](UniqueFd socket) {
                 ignore_signal(SIGTERM);
                 tell(socket);
                 (void)hear(socket);
               }).value();
  ASSERT_TRUE(hear(child.socket));
  end_child(child.pid, child.pidfd, SIGTERM, 10);
  EXPECT_FALSE(wait_child(child.pid));  // it was waited for
}
TEST(Child, leaks_no_descriptor) {
  const unsigned before = descriptor_count().value();
  {
    auto child = fork_child([](UniqueFd) {}).value();
    end_child(child.pid, child.pidfd, SIGKILL, 0);
  }
  EXPECT_EQ(descriptor_count().value(), before);
}

TEST(RestartDelay, the_first_restart_is_immediate) {
  RestartDelay delay{.started_ms = 5000, .not_before_ms = 0, .delay_ms = 0};
  delay.note_end(5001);
  EXPECT_EQ(delay.not_before_ms, 5001);
}
TEST(RestartDelay, grows_up_to_a_second_while_they_end_quickly) {
  RestartDelay delay;
  std::int64_t now = 0;
  std::vector<std::int64_t> waited;
  for (int i = 0; i < 10; ++i) {
    delay.started_ms = now;
    delay.note_end(now);
    waited.push_back(delay.not_before_ms - now);
    now = delay.not_before_ms;
  }
  EXPECT_EQ(waited, (std::vector<std::int64_t>{0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000}));
}
TEST(RestartDelay, is_forgotten_by_one_that_lived) {
  RestartDelay delay{.started_ms = 0, .not_before_ms = 0, .delay_ms = 640};
  delay.note_end(1000);
  EXPECT_EQ(delay.not_before_ms, 1000);
}

}  // namespace
}  // namespace vineyard::os
