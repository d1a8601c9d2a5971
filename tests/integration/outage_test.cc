// SPDX-License-Identifier: Apache-2.0
// The client while the daemon is stopped, killed, or gone.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "client_helpers.h"
#include "daemon.h"
#include "vineyard/client.h"
#include "vineyard/os/process.h"

namespace vineyard {
namespace {

using testing::bytes;
using testing::ok;

std::string text(const View& view) {
  return testing::text(view.bytes());
}

struct Outage : ::testing::Test {
  testing::Daemon daemon;
  Client client = ok(Client::connect({.socket = daemon.socket(), .deadline_ms = 20'000}));
  ObjectId first = ok(client.put_blob(bytes("first")));
  View warm = ok(client.get_view(first));  // the arena is mapped from here on
};

/// Stops a process as long as it lives.
struct Stopped {
  explicit Stopped(pid_t p) : pid(p) { ::kill(pid, SIGSTOP); }
  ~Stopped() { ::kill(pid, SIGCONT); }
  pid_t pid;
};

TEST_F(Outage, puts_and_gets_need_no_worker) {
  ok(client.put_blob(bytes("more grants, please")));
  (void)client.sync();
  const Stopped stopped(daemon.worker());
  for (int i = 0; i < 6; ++i) {
    const ObjectId id = ok(client.put_blob(bytes("put " + std::to_string(i))));
    EXPECT_EQ(text(ok(client.get_view(id))), "put " + std::to_string(i));
    EXPECT_EQ(text(ok(client.get_view(first))), "first");
  }
}
TEST_F(Outage, a_call_to_a_stopped_daemon_says_that_it_is_stopped) {
  const Client impatient = ok(Client::connect({.socket = daemon.socket(), .deadline_ms = 300}));
  {
    const Stopped stopped(daemon.worker());
    const auto status = impatient.status_json();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code(), ErrorCode::kDeadline);
    EXPECT_NE(status.error().message().find("daemon stopped"), std::string::npos)
        << status.error().message();
  }
  testing::wait_for("the daemon to answer again",
                    [&] { return impatient.status_json().has_value(); });
}
TEST_F(Outage, a_killed_worker_loses_nothing_and_nobody_notices) {
  std::vector<ObjectId> ids{first};
  for (int round = 0; round < 8; ++round) {
    for (int i = 0; i < 50; ++i)
      ids.push_back(ok(client.put_blob(bytes(std::to_string(round * 50 + i)))));
    ok(client.put_name("round " + std::to_string(round), ids.back()));
    daemon.kill_worker();
    EXPECT_EQ(text(warm), "first");
    EXPECT_EQ(ok(client.get_name("round " + std::to_string(round))), ids.back());
  }
  for (std::size_t i = 1; i < ids.size(); ++i)
    ASSERT_EQ(text(ok(client.get_view(ids[i]))), std::to_string(i - 1));
  EXPECT_EQ(ok(client.check_json()).findings, 0u);
}
TEST_F(Outage, requests_that_were_not_answered_are_asked_again) {
  std::atomic<bool> stop{false};
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto status = client.exists(first);
        EXPECT_TRUE(status && *status) << (status ? "absent" : status.error().to_string());
        ++answered;
      }
    });
  }
  for (int i = 0; i < 6; ++i) {
    const int before = answered;
    daemon.kill_worker();
    testing::wait_for("answers", [&] { return answered > before + 10; });
  }
  stop = true;
  for (auto& t : threads) t.join();
}
TEST_F(Outage, a_killed_supervisor_is_followed_by_the_standby) {
  for (int i = 0; i < 3; ++i) {
    const ObjectId id = ok(client.put_blob(bytes("before")));
    daemon.kill_supervisor();
    EXPECT_EQ(text(ok(client.get_view(id))), "before");
    EXPECT_EQ(text(ok(client.get_view(ok(client.put_blob(bytes("after")))))), "after");
    EXPECT_TRUE(ok(client.exists(id)));
  }
}
TEST(OutageOfWorkers, the_next_one_knows_its_clients_by_their_names) {
  testing::Daemon daemon;
  const Client named =
      ok(Client::connect({.socket = daemon.socket(), .program = "a program of note"}));
  daemon.kill_worker();
  EXPECT_NE(ok(named.status_json()).find("\"program\":\"a program of note\""), std::string::npos);
}
TEST(OutageOfAll, views_stay_when_the_daemon_ends_and_calls_say_that_it_is_gone) {
  auto daemon = std::make_unique<testing::Daemon>();
  const Client client = ok(Client::connect({.socket = daemon->socket(), .deadline_ms = 5000}));
  const ObjectId id = ok(client.put_blob(bytes("kept")));
  const View view = ok(client.get_view(id));
  EXPECT_EQ(daemon->stop(), 0);
  EXPECT_EQ(text(view), "kept");
  const auto status = client.status_json();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kUnavailable) << status.error().to_string();
  const auto put = client.put_blob(bytes("x"));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kUnavailable) << put.error().to_string();
  EXPECT_EQ(text(view), "kept");
}
TEST_F(Outage, a_client_that_was_sent_away_connects_again_and_keeps_its_views) {
  const std::uint64_t serial = client.connection().serial;
  (void)client.kick(serial);
  testing::wait_for("a new connection", [&] {
    const auto status = client.status_json();
    return status.has_value() && client.connection().serial != serial;
  });
  EXPECT_EQ(text(warm), "first");
  EXPECT_EQ(text(ok(client.get_view(first))), "first") << "what it published stays";
  EXPECT_EQ(text(ok(client.get_view(ok(client.put_blob(bytes("again")))))), "again");
}

TEST(Autostart, starts_a_private_daemon_and_says_so) {
  const testing::Daemon unused;  // for its folder: nobody listens at the path below
  const std::string socket = unused.folder() + "/private.sock";
  StartedDaemon started;
  {
    const auto client =
        Client::connect({.socket = socket,
                         .autostart = Autostart::kPrivateDaemon,
                         .daemon_program = VINEYARD_TEST_DAEMON,
                         .daemon_arguments = {"--size", "64M", "--prefault", "none", "--state-dir",
                                              unused.folder() + "/private-state"},
                         .started = &started});
    ASSERT_TRUE(client) << client.error().to_string();
    EXPECT_EQ(started.socket, socket);
    EXPECT_GT(started.pid, 0);
    EXPECT_TRUE(client->put_blob(bytes("hello")));
  }
  testing::wait_for("the daemon to end after its last client", [&] {
    const auto ended = os::poll_child(static_cast<pid_t>(started.pid));
    return ended && ended->has_value();
  });
}

}  // namespace
}  // namespace vineyard
