// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstring>
#include <thread>

#include "vineyard/os/poll.h"
#include "vineyard/os/test_child.h"

namespace vineyard::os {
namespace {

TEST(Process, a_pidfd_becomes_readable_when_its_process_ends) {
  TestChild child([](const UniqueFd& connection) { return hear(connection) ? 0 : 1; });
  const UniqueFd pidfd = open_pidfd(child.pid()).value();
  EXPECT_FALSE(wait_readable(pidfd, 0).value());
  EXPECT_FALSE(poll_child(child.pid())->has_value());
  ASSERT_TRUE(send_signal(pidfd, SIGKILL));
  EXPECT_TRUE(wait_readable(pidfd, kForever).value());
  EXPECT_EQ(child.wait(), -SIGKILL);
  const auto gone = send_signal(pidfd, SIGKILL);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::kNotFound);
}
TEST(Process, wait_tells_signals_from_exits) {
  const pid_t exits = fork_process().value();
  if (exits == 0) exit_now(42);
  const auto exited = wait_child(exits).value();
  EXPECT_EQ(exited.signal, 0);
  EXPECT_EQ(exited.status, 42);
  const pid_t dies = fork_process().value();
  if (dies == 0) {
    ::signal(SIGTERM, SIG_DFL);
    ::kill(::getpid(), SIGTERM);
    exit_now(0);
  }
  EXPECT_EQ(wait_child(dies)->signal, SIGTERM);
  EXPECT_EQ(wait_child(dies).error().code(), ErrorCode::kUnavailable);
}
TEST(Process, a_number_without_process_has_no_pidfd) {
  const pid_t pid = fork_process().value();
  if (pid == 0) exit_now(0);
  ASSERT_TRUE(wait_child(pid));
  const auto pidfd = open_pidfd(pid);
  ASSERT_FALSE(pidfd);
  EXPECT_EQ(pidfd.error().code(), ErrorCode::kNotFound);
}
TEST(Process, dies_with_its_parent_when_asked_to) {
  UniqueFd grandchild;
  {
    TestChild parent([](const UniqueFd& connection) -> int {
      const pid_t me = process_id();
      const pid_t pid = fork_process().value();
      if (pid == 0) {
        if (!set_parent_death_signal(SIGKILL, me)) exit_now(1);
        tell(connection);
        for (;;) ::pause();
      }
      if (::write(connection.get(), &pid, sizeof pid) != sizeof pid) return 1;
      return hear(connection) ? 0 : 1;
    });
    pid_t pid = 0;
    for (int packets = 0; packets < 2; ++packets) {  // one says "ready", the other the number
      char buffer[sizeof(pid_t)];
      if (::read(parent.connection().get(), buffer, sizeof buffer) == sizeof pid)
        std::memcpy(&pid, buffer, sizeof pid);
    }
    grandchild = open_pidfd(pid).value();
    EXPECT_FALSE(wait_readable(grandchild, 0).value());
  }
  EXPECT_TRUE(wait_readable(grandchild, kForever).value());
}
TEST(Process, a_parent_that_ended_before_the_request_is_noticed) {
  EXPECT_EQ(run_in_child([] {
              const auto late = set_parent_death_signal(SIGKILL, 1 << 30);
              return !late && late.error().code() == ErrorCode::kUnavailable ? 0 : 1;
            }),
            0);
}
TEST(Process, limits_are_set) {
  EXPECT_EQ(
      run_in_child([] {
        if (!set_no_new_privileges() || ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return 1;
        rlimit limit{};
        if (!disable_core_dumps() || ::getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0)
          return 2;
        const rlimit low{64, 128};
        if (::setrlimit(RLIMIT_NOFILE, &low) != 0) return 3;
        return raise_descriptor_limit().value() == 128 ? 0 : 4;
      }),
      0);
}
TEST(Descriptors, are_left_until_none_can_be_opened) {
  EXPECT_EQ(run_in_child([] {
              const rlimit limit{64, 64};
              if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
              std::uint64_t left = descriptors_left();
              if (left == 0 || left > 64) return 2;
              while (::dup(STDERR_FILENO) >= 0) {
                if (descriptors_left() >= left) return 3;
                left = descriptors_left();
              }
              return left == 0 ? 0 : 4;
            }),
            0);
}
TEST(Process, counts_threads_and_descriptors) {
  std::thread([] {}).join();  // a sanitizer starts one of its own with the first
  const unsigned threads = thread_count().value();
  const unsigned descriptors = descriptor_count().value();
  const auto ends = socket_pair().value();
  EXPECT_EQ(descriptor_count().value(), descriptors + 2);
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) std::this_thread::yield();
  });
  EXPECT_EQ(thread_count().value(), threads + 1);
  stop = true;
  other.join();
}
TEST(Process, signals_become_readable_packets) {
  EXPECT_EQ(run_in_child([] {
              const UniqueFd signals = open_signal_fd({SIGTERM, SIGINT}).value();
              if (read_signal(signals)->has_value()) return 1;
              ::kill(::getpid(), SIGTERM);
              if (!wait_readable(signals, kForever).value()) return 2;
              if (read_signal(signals).value() != SIGTERM) return 3;
              restore_signal(SIGTERM);
              ::kill(::getpid(), SIGTERM);
              return 4;
            }),
            -SIGTERM);
}
TEST(Process, the_clock_goes_forward) {
  const std::int64_t before = monotonic_ms();
  EXPECT_GE(monotonic_ms(), before);
}

}  // namespace
}  // namespace vineyard::os
