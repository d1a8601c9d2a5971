// SPDX-License-Identifier: Apache-2.0
// R13 with a real daemon: who forks, who releases, who ends first; daemonized processes, closed
// descriptors.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "client_helpers.h"
#include "daemon.h"
#include "vineyard/client.h"
#include "vineyard/os/test_child.h"

namespace vineyard {
namespace {

using testing::ok;

constexpr std::size_t kSize = 20'000;

std::vector<std::byte> pattern(std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> data(kSize);
  for (auto& b : data) b = static_cast<std::byte>(random());
  return data;
}
bool is(const View& view, std::uint32_t seed) {
  return std::ranges::equal(view.bytes(), pattern(seed));
}

struct Fork : ::testing::Test {
  testing::Daemon daemon{{"--size", "64M", "--prefault", "none"}};
  Client client = connect();

  Client connect() const { return ok(Client::connect({.socket = daemon.socket()})); }
  ObjectId put(std::uint32_t seed) const { return ok(client.put_blob(pattern(seed))); }
  // Deletes and then fills the pool several times over: what is not protected is overwritten.
  static void overwrite(const Client& c, const std::vector<ObjectId>& ids) {
    (void)ok(c.remove(ids));
    for (std::uint32_t i = 0; i < 400; ++i) {
      std::vector<ObjectId> mine;
      for (std::uint32_t k = 0; k < 10; ++k) mine.push_back(ok(c.put_blob(pattern(1000 + i))));
      (void)ok(c.remove(mine));
    }
  }
};

TEST_F(Fork, a_child_keeps_its_view_when_the_parent_releases_and_the_object_is_deleted) {
  const ObjectId id = put(1);
  View view = ok(client.get_view(id));
  os::TestChild child([&](const os::UniqueFd& connection) {
    if (!is(view, 1)) return 1;
    os::tell(connection);
    os::hear(connection);
    return is(view, 1) ? 0 : 2;
  });
  ASSERT_TRUE(os::hear(child.connection()));
  view = View();
  overwrite(client, {id});
  os::tell(child.connection());
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(ok(client.check_json()).findings, 0u);
}
TEST_F(Fork, a_parent_keeps_its_view_when_the_child_releases_and_ends) {
  const ObjectId id = put(2);
  View view = ok(client.get_view(id));
  EXPECT_EQ(os::run_in_child([&] {
              view = View();
              return 0;
            }),
            0);
  overwrite(client, {id});
  EXPECT_TRUE(is(view, 2));
}
TEST_F(Fork, a_parent_keeps_older_and_newer_views_over_many_forks) {
  std::vector<View> views;
  std::vector<ObjectId> ids;
  for (std::uint32_t i = 0; i < 20; ++i) {
    ids.push_back(put(i));
    views.push_back(ok(client.get_view(ids.back())));
    if (i % 3 == 1) views[i / 2] = View();
    ASSERT_EQ(os::run_in_child([] { return 0; }), 0);
  }
  overwrite(client, ids);
  for (std::uint32_t i = 0; i < 20; ++i) {
    if (views[i].size() == 0) continue;
    EXPECT_TRUE(is(views[i], i)) << i;
  }
}
TEST_F(Fork, a_child_gets_and_puts_over_a_connection_of_its_own) {
  const ObjectId id = put(3);
  const std::uint64_t serial = client.connection().serial;
  View view = ok(client.get_view(id));
  os::TestChild child([&](const os::UniqueFd& connection) {
    if (client.connection().serial == serial) return 1;
    const View again = ok(client.get_view(id));
    if (!is(again, 3) || !is(view, 3)) return 2;
    const ObjectId mine = ok(client.put_blob(pattern(4)));
    if (::write(connection.get(), &mine, sizeof mine) != sizeof mine) return 3;
    os::hear(connection);
    return is(ok(client.get_view(mine)), 4) ? 0 : 4;
  });
  ObjectId theirs;
  ASSERT_EQ(::read(child.connection().get(), &theirs, sizeof theirs),
            static_cast<ssize_t>(sizeof theirs));
  EXPECT_TRUE(is(ok(client.get_view(theirs)), 4));
  EXPECT_EQ(client.connection().serial, serial);
  os::tell(child.connection());
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(is(ok(client.get_view(theirs)), 4)) << "what the child published stays";
}
TEST_F(Fork, a_grandchild_keeps_the_views_of_both) {
  const ObjectId a = put(5);
  View first = ok(client.get_view(a));
  os::TestChild child([&](const os::UniqueFd& connection) {
    const ObjectId b = ok(client.put_blob(pattern(6)));
    View second = ok(client.get_view(b));
    const int status = os::run_in_child([&] {
      first.swap(second);
      second = View();
      first = View();  // neither is ours to release
      const View mine = ok(client.get_view(b));
      return is(mine, 6) ? 0 : 1;
    });
    if (status != 0) return 10 + status;
    overwrite(client, {a, b});
    if (!is(first, 5) || !is(second, 6)) return 1;
    os::tell(connection);
    return 0;
  });
  EXPECT_TRUE(os::hear(child.connection()));
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(is(first, 5));
}
TEST_F(Fork, a_child_keeps_its_view_when_the_parent_ends_first) {
  // The middle process connects, forks and ends; the grandchild lives on with its view, like a
  // daemon.
  const ObjectId id = put(7);
  auto ends = os::socket_pair().value();
  const std::string socket = daemon.socket();
  EXPECT_EQ(os::run_in_child([&] {
              const Client mine = ok(Client::connect({.socket = socket}));
              View view = ok(mine.get_view(id));
              if (::fork() == 0) {
                ::alarm(60);
                ends.first.reset();
                if (!os::hear(ends.second)) ::_exit(1);
                if (is(view, 7)) os::tell(ends.second);
                ::_exit(0);
              }
              return 0;
            }),
            0);
  ends.second.reset();
  overwrite(client, {id});
  os::tell(ends.first);
  EXPECT_TRUE(os::hear(ends.first)) << "the grandchild's view is as it was";
}
TEST_F(Fork, pins_of_an_ended_child_are_gone) {
  const ObjectId id = put(8);
  {
    View view = ok(client.get_view(id));
    os::TestChild child([&](const os::UniqueFd& connection) {
      os::tell(connection);
      os::hear(connection);
      return 0;
    });
    ASSERT_TRUE(os::hear(child.connection()));
    view = View();
    (void)ok(client.remove(std::vector{id}));
    child.kill();
  }
  View other = ok(client.get_view(put(9)));  // moves to a new table
  testing::wait_for("the last pin of the child to go", [&] {
    const std::string status = ok(client.status_json());
    return ok(client.check_json()).findings == 0 &&
           status.find("\"deleted_but_viewed\":0") != std::string::npos;
  });
}
TEST_F(Fork, threads_get_and_release_while_the_process_forks) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "a fork may copy a lock of AddressSanitizer's allocator that another thread "
                  "holds; the child would hang";
#endif
  std::vector<ObjectId> ids;
  for (std::uint32_t i = 0; i < 8; ++i) ids.push_back(put(100 + i));
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> gets{0};
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      std::vector<std::pair<std::uint32_t, View>> held;
      while (!stop) {
        const std::uint32_t n = random() % 8;
        held.emplace_back(n, ok(client.get_view(ids[n])));
        ++gets;
        if (held.size() > 5) {
          if (random() % 16 == 0 && !is(held.front().second, 100 + held.front().first)) ++wrong;
          held.erase(held.begin());
        }
      }
    });
  }
  View mine = ok(client.get_view(ids[0]));
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(os::run_in_child([&] {
                if (!is(mine, 100)) return 1;
                if (i % 4 != 0) return 0;
                return is(ok(client.get_view(ids[i % 8])), 100 + static_cast<std::uint32_t>(i % 8))
                           ? 0
                           : 2;
              }),
              0)
        << i;
    const int before = gets;
    testing::wait_for("gets", [&] { return gets > before + 20; });
  }
  stop = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(ok(client.check_json()).findings, 0u);
}
TEST_F(Fork, a_payload_is_of_no_use_in_a_child_and_stays_good_in_the_parent) {
  Payload payload = ok(client.reserve(ByteCount(kSize)));
  std::ranges::copy(pattern(11), payload.data());
  EXPECT_EQ(os::run_in_child([&] {
              const auto done = client.publish_blob(std::move(payload));
              return !done && done.error().code() == ErrorCode::kUnavailable ? 0 : 1;
            }),
            0);
  EXPECT_TRUE(is(ok(client.get_view(ok(client.publish_blob(std::move(payload))))), 11));
}
TEST_F(Fork, a_writable_mapping_of_the_parent_is_a_hole_in_the_child) {
  Payload payload = ok(client.reserve(ByteCount(kSize)));
  EXPECT_EQ(os::run_in_child([&] {
              ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would report it and exit
              payload.data()[0] = std::byte{1};
              return 0;
            }),
            -SIGSEGV);
}

TEST_F(Fork, views_stay_when_all_descriptors_are_closed_and_the_next_call_connects_again) {
  EXPECT_EQ(os::run_in_child([&] {
              const ObjectId id = ok(client.put_blob(pattern(12)));
              View view = ok(client.get_view(id));
              const std::uint64_t serial = client.connection().serial;
              for (int fd = 3; fd < 1024; ++fd) ::close(fd);
              const int ours = ::open("/dev/null", 0);  // gets a number that was the client's
              if (!is(view, 12)) return 1;
              Result<std::string> status = client.status_json();
              for (int i = 0; i < 3 && !status; ++i) status = client.status_json();
              if (!status) return 2;
              if (client.connection().serial == serial) return 3;
              overwrite(client, {id});
              if (!is(view, 12)) return 4;
              return ::fcntl(ours, F_GETFD) >= 0 ? 0 : 5;
            }),
            0);
}

}  // namespace
}  // namespace vineyard
