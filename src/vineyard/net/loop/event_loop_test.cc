// SPDX-License-Identifier: Apache-2.0
#include "vineyard/net/loop/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "vineyard/os/fd_passing.h"
#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"

namespace vineyard::net {
namespace {

using namespace std::chrono_literals;
using os::ReceiveOutcome;
using os::SendOutcome;
using os::Wait;

// A connection, and a loop that gives up when a test hangs.
struct EventLoopTest : testing::Test {
  EventLoop loop;
  os::UniqueFd here, there;
  Timer watchdog;

  void SetUp() override {
    auto pair = os::socket_pair();
    ASSERT_TRUE(pair);
    here = std::move(pair->first);
    there = std::move(pair->second);
    watchdog = loop.after(60s, [this] {
      ADD_FAILURE() << "nothing happened for a minute";
      loop.stop();
    });
  }
  static void send(os::BorrowedFd fd) {
    const std::array<std::byte, 1> packet{};
    ASSERT_EQ(*os::send_packet(fd, packet, {}, Wait::kNo), SendOutcome::kSent);
  }
  static ReceiveOutcome receive(os::BorrowedFd fd) {
    std::array<std::byte, 8> buffer;
    auto packet = os::receive_packet(fd, buffer, Wait::kNo);
    return packet ? packet->outcome : ReceiveOutcome::kEndOfStream;
  }
  Watch readable(os::BorrowedFd fd, EventLoop::Callback callback) {
    auto watch = loop.watch_readable(fd, std::move(callback));
    EXPECT_TRUE(watch) << watch.error().to_string();
    return std::move(*watch);
  }
  Watch writable(os::BorrowedFd fd, EventLoop::Callback callback) {
    auto watch = loop.watch_writable(fd, std::move(callback));
    EXPECT_TRUE(watch) << watch.error().to_string();
    return std::move(*watch);
  }
  // Runs what is ready now: the loop turns until a callback posted behind everything else, some
  // turns later, comes.
  void run_what_is_ready() {
    int turns = 20;
    EventLoop::Callback next = [&] { --turns > 0 ? loop.post([&] { next(); }) : loop.stop(); };
    loop.post([&] { next(); });
    loop.run();
  }
};

TEST_F(EventLoopTest, calls_back_again_while_something_is_left) {
  for (int i = 0; i < 3; ++i) send(there);
  int calls = 0;
  Watch watch = readable(here, [&] {
    ++calls;
    receive(here);  // one of what is there
    if (calls == 3) loop.stop();
  });
  loop.run();
  run_what_is_ready();
  EXPECT_EQ(calls, 3) << "and not again when nothing is left";
}

TEST_F(EventLoopTest, calls_back_again_though_nothing_was_taken) {
  send(there);
  int calls = 0;
  Watch watch = readable(here, [&] {
    if (++calls == 5) loop.stop();
  });
  loop.run();
  EXPECT_EQ(calls, 5);
}

TEST_F(EventLoopTest, sees_what_comes_later) {
  int calls = 0;
  Watch watch = readable(here, [&] {
    receive(here);
    if (++calls == 2) return loop.stop();
    loop.post([&] { send(there); });
  });
  loop.post([&] { send(there); });
  loop.run();
  EXPECT_EQ(calls, 2);
}

TEST_F(EventLoopTest, calls_back_for_a_hang_up) {
  Watch watch = readable(here, [&] {
    EXPECT_EQ(receive(here), ReceiveOutcome::kEndOfStream);
    loop.stop();
  });
  loop.post([&] { there.reset(); });
  loop.run();
}

TEST_F(EventLoopTest, calls_back_for_a_connection_to_accept) {
  const std::string path = testing::TempDir() + "loop-" + std::to_string(::getpid()) + ".sock";
  auto listener = os::listen_unix(path, 0600);
  ASSERT_TRUE(listener) << listener.error().to_string();
  int accepted = 0;
  Watch watch = readable(listener->socket, [&] {
    auto connection = os::accept_connection(listener->socket);
    ASSERT_TRUE(connection);
    accepted += connection->has_value() ? 1 : 0;
    if (accepted == 2) loop.stop();
  });
  auto one = os::connect_unix(path);
  auto two = os::connect_unix(path);
  ASSERT_TRUE(one && two);
  loop.run();
  EXPECT_EQ(accepted, 2);
  watch.end();
  listener->remove();
}

TEST_F(EventLoopTest, calls_back_when_a_process_ends) {
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = 0;
    ::_exit(::read(there.get(), &byte, 1) == 1 ? 0 : 1);  // until it is told to end
  }
  auto pidfd = os::open_pidfd(child);
  ASSERT_TRUE(pidfd);
  bool ended = false;
  Watch watch = readable(*pidfd, [&] {
    ended = true;
    loop.stop();
  });
  run_what_is_ready();
  EXPECT_FALSE(ended);
  send(here);
  loop.run();
  EXPECT_TRUE(ended);
  watch.end();
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(EventLoopTest, is_not_called_back_after_its_end) {
  int calls = 0;
  Watch watch = readable(here, [&] { ++calls; });
  send(there);
  watch.end();
  EXPECT_FALSE(watch.active());
  run_what_is_ready();
  EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, lets_a_callback_end_its_own_watch) {
  int calls = 0;
  auto held = std::make_shared<int>(1);  // must live as long as the callback runs, and no longer
  std::weak_ptr<int> seen = held;
  Watch watch = readable(here, [&, held = std::move(held)] {
    ++calls;
    watch.end();
    EXPECT_EQ(*held, 1);
  });
  send(there);
  run_what_is_ready();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(seen.expired());
}

TEST_F(EventLoopTest, lets_a_callback_end_another_watch_that_is_ready_too) {
  int calls = 0;
  Watch first, second;
  first = readable(here, [&] {
    ++calls;
    first.end();
    second.end();
  });
  second = readable(there, [&] {
    ++calls;
    first.end();
    second.end();
  });
  send(here);
  send(there);
  run_what_is_ready();
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, drops_what_a_callback_holds_when_its_watch_ends) {
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> seen = held;
  Watch watch = readable(here, [held = std::move(held)] {});
  EXPECT_FALSE(seen.expired());
  watch.end();
  EXPECT_TRUE(seen.expired());
}

TEST_F(EventLoopTest, does_not_close_what_it_watched) {
  {
    Watch watch = readable(here, [] {});
  }
  run_what_is_ready();
  EXPECT_GE(::fcntl(here.get(), F_GETFD), 0);
  int calls = 0;
  Watch again = readable(here, [&] {
    ++calls;
    receive(here);
  });
  send(there);
  run_what_is_ready();
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, may_watch_a_new_descriptor_with_an_old_number) {
  const int number = here.get();
  {
    Watch watch = readable(here, [] { ADD_FAILURE(); });
  }
  here.reset();
  auto pair = os::socket_pair();
  ASSERT_TRUE(pair);
  ASSERT_EQ(pair->first.get(), number);
  int calls = 0;
  Watch watch = readable(pair->first, [&] {
    ++calls;
    receive(pair->first);
  });
  send(pair->second);
  run_what_is_ready();
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, refuses_a_second_watch_for_reading) {
  Watch watch = readable(here, [] {});
  EXPECT_FALSE(loop.watch_readable(here, [] {}));
}

TEST_F(EventLoopTest, moves_a_watch_and_ends_the_one_that_is_replaced) {
  int first_calls = 0, second_calls = 0;
  Watch watch = readable(here, [&] { ++first_calls; });
  send(there);
  send(here);
  watch = readable(there, [&] {
    ++second_calls;
    receive(there);
  });
  run_what_is_ready();
  EXPECT_EQ(first_calls, 0);
  EXPECT_EQ(second_calls, 1);
}

TEST_F(EventLoopTest, waits_for_room_beside_a_watch_for_reading) {
  std::vector<std::byte> packet(16U << 10);
  int sent = 0, reads = 0, room = 0;
  Watch reading = readable(here, [&] {
    ++reads;
    receive(here);
  });
  while (*os::send_packet(here, packet, {}, Wait::kNo) == SendOutcome::kSent)
    ASSERT_LT(++sent, 100000);
  Watch writing = writable(here, [&] {
    ++room;
    writing.end();
    loop.stop();
  });
  run_what_is_ready();
  EXPECT_EQ(room, 0) << "there is none yet";
  for (; sent > 0; --sent) {
    auto got = os::receive_packet(there, packet, Wait::kNo);
    ASSERT_TRUE(got && got->outcome == ReceiveOutcome::kPacket);
  }
  loop.run();
  EXPECT_EQ(room, 1);
  EXPECT_EQ(reads, 0);
  send(there);
  run_what_is_ready();
  EXPECT_EQ(reads, 1) << "the other watch goes on";
}

TEST_F(EventLoopTest, calls_a_watch_for_room_when_the_other_end_goes) {
  std::vector<std::byte> packet(16U << 10);
  while (*os::send_packet(here, packet, {}, Wait::kNo) == SendOutcome::kSent) continue;
  Watch writing = writable(here, [&] { loop.stop(); });
  loop.post([&] { there.reset(); });
  loop.run();
}

TEST_F(EventLoopTest, keeps_no_descriptor_of_an_ended_watch) {
  const unsigned before = *os::descriptor_count();
  {
    Watch writing = writable(here, [] {});
  }
  EXPECT_EQ(*os::descriptor_count(), before);
}

TEST_F(EventLoopTest, calls_timers_in_the_order_of_their_times) {
  std::string order;
  Timer late = loop.after(20ms, [&] {
    order += 'b';
    loop.stop();
  });
  Timer early = loop.after(1ms, [&] { order += 'a'; });
  EXPECT_TRUE(early.active());
  loop.run();
  EXPECT_EQ(order, "ab");
  EXPECT_FALSE(early.active());
}

TEST_F(EventLoopTest, does_not_call_a_timer_too_early) {
  const auto before = std::chrono::steady_clock::now();
  Timer timer = loop.after(30ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_GE(std::chrono::steady_clock::now() - before, 30ms);
}

TEST_F(EventLoopTest, does_not_call_a_timer_that_was_ended) {
  int calls = 0;
  Timer ended = loop.after(1ms, [&] { ++calls; });
  Timer replaced = loop.after(1ms, [&] { ++calls; });
  ended.end();
  replaced = loop.after(5ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, lets_a_timer_start_itself_again) {
  int calls = 0;
  Timer timer;
  std::function<void()> tick = [&] {
    if (++calls == 3) return loop.stop();
    timer = loop.after(1ms, tick);
  };
  timer = loop.after(0ms, tick);
  loop.run();
  EXPECT_EQ(calls, 3);
}

TEST_F(EventLoopTest, runs_what_other_threads_post_in_their_order) {
  std::vector<int> got;
  std::jthread poster([&] {
    for (int i = 0; i < 1000; ++i) loop.post([&got, i] { got.push_back(i); });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  ASSERT_EQ(got.size(), 1000U);
  EXPECT_TRUE(std::ranges::is_sorted(got));
}

TEST_F(EventLoopTest, runs_nothing_inside_the_call_that_asks_for_it) {
  bool called = false;
  send(there);
  Watch watch = readable(here, [&] {
    called = true;
    loop.stop();
  });
  loop.post([&] { called = true; });
  EXPECT_FALSE(called);
  loop.run();
  EXPECT_TRUE(called);
}

TEST_F(EventLoopTest, can_be_stopped_before_it_runs_and_run_again) {
  int calls = 0;
  loop.stop();
  loop.post([&] {
    ++calls;
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(calls, 0);
  loop.run();
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, drops_what_was_posted_and_never_run) {
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> seen = held;
  {
    EventLoop other;
    other.post([held = std::move(held)] {});
  }
  EXPECT_TRUE(seen.expired());
}

TEST_F(EventLoopTest, serves_a_busy_descriptor_and_a_quiet_one_alike) {
  auto quiet = os::socket_pair();
  ASSERT_TRUE(quiet);
  int busy_calls = 0, quiet_calls = 0;
  send(there);  // never taken: always ready
  Watch busy = readable(here, [&] { ++busy_calls; });
  Watch other = readable(quiet->first, [&] {
    ++quiet_calls;
    loop.stop();
  });
  Timer later = loop.after(5ms, [&] { send(quiet->second); });
  loop.run();
  EXPECT_GT(busy_calls, 0);
  EXPECT_EQ(quiet_calls, 1);
}

}  // namespace
}  // namespace vineyard::net
