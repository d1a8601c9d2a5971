// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "vineyard/os/test_child.h"
#include "vineyard/os/test_folder.h"

namespace vineyard::os {
namespace {

using ::testing::HasSubstr;

// A bound socket of a foreign program.
UniqueFd foreign_socket(const std::string& path, int type) {
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

TEST(ListenUnix, who_sees_the_socket_can_connect_to_it) {
  const TestFolder folder;
  constexpr int kSockets = 200;
  std::vector<UnixListener> listeners(kSockets);
  const std::jthread listens([&] {
    for (int n = 0; n < kSockets; ++n)
      listeners[n] = listen_unix(folder / std::to_string(n), 0600).value();
  });
  for (int n = 0; n < kSockets; ++n) {
    for (;;) {
      const auto connected = connect_unix(folder / std::to_string(n));
      if (connected) break;
      ASSERT_EQ(connected.error().code(), ErrorCode::kNotFound) << connected.error().message();
    }
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}),
            2 * kSockets);  // sockets and locks, nothing that was passing
}
TEST(ListenUnix, clients_connect_and_are_accepted) {
  const TestFolder folder;
  const auto listener = listen_unix(folder / "s", 0600).value();
  EXPECT_FALSE(accept_connection(listener.socket).value().has_value());
  const auto client = connect_unix(folder / "s").value();
  ASSERT_TRUE(wait_readable(listener.socket, 10'000).value());
  EXPECT_TRUE(accept_connection(listener.socket).value().has_value());
}
TEST(ListenUnix, the_mode_asked_for_is_in_force_whatever_the_umask) {
  const TestFolder folder;
  const mode_t old = ::umask(0);
  const auto narrow = listen_unix(folder / "narrow", 0600).value();
  ::umask(0177);
  const auto wide = listen_unix(folder / "wide", 0660).value();
  ::umask(old);
  struct stat status{};
  ASSERT_EQ(::stat((folder / "narrow").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat((folder / "wide").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660U);
}
TEST(ListenUnix, a_socket_left_by_a_killed_daemon_is_replaced) {
  const TestFolder folder;
  {
    TestChild daemon([&](const UniqueFd& connection) {
      const auto listener = listen_unix(folder / "s", 0600);
      tell(connection);
      return hear(connection) ? 0 : 1;
    });
    ASSERT_TRUE(hear(daemon.connection()));
    const auto second = listen_unix(folder / "s", 0600);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), ErrorCode::kExists);
  }
  ASSERT_TRUE(std::filesystem::exists(folder / "s"));
  const auto gone = connect_unix(folder / "s");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::kUnavailable);
  const auto next = listen_unix(folder / "s", 0600);
  ASSERT_TRUE(next) << next.error().to_string();
  EXPECT_TRUE(connect_unix(folder / "s"));
}
TEST(ListenUnix, what_a_killed_daemon_still_has_open_is_waited_for) {
  const TestFolder folder;
  auto daemon = listen_unix(folder / "s", 0600).value();
  // A process of it that has not ended yet: it has the socket and not the lock.
  TestChild ending([&](const UniqueFd& connection) {
    daemon.lock.reset();
    tell(connection);
    ::usleep(50'000);
    return 0;
  });
  ASSERT_TRUE(hear(ending.connection()));
  daemon.socket.reset();
  daemon.lock.reset();
  const auto next = listen_unix(folder / "s", 0600);
  EXPECT_TRUE(next) << next.error().message();
}
TEST(ListenUnix, a_live_daemon_is_refused_with_what_to_do) {
  const TestFolder folder;
  const auto first = listen_unix(folder / "s", 0600).value();
  const auto second = listen_unix(folder / "s", 0600);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("already"));
  EXPECT_THAT(second.error().message(), HasSubstr("--socket"));
}
TEST(ListenUnix, the_lock_lives_on_in_a_forked_process) {
  const TestFolder folder;
  auto listener = listen_unix(folder / "s", 0600).value();
  TestChild standby([&](const UniqueFd& connection) { return hear(connection) ? 0 : 1; });
  listener.lock.reset();
  listener.socket.reset();
  EXPECT_FALSE(listen_unix(folder / "s", 0600));
  standby.kill();
  EXPECT_TRUE(listen_unix(folder / "s", 0600));
}
TEST(ListenUnix, remove_leaves_nothing_behind) {
  const TestFolder folder;
  auto listener = listen_unix(folder / "s", 0600).value();
  listener.remove();
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}
TEST(ListenUnix, a_socket_in_use_by_another_program_is_refused) {
  const TestFolder folder;
  const UniqueFd stream = foreign_socket(folder / "stream", SOCK_STREAM);
  ::listen(stream.get(), 1);
  const UniqueFd packets = foreign_socket(folder / "packets", SOCK_SEQPACKET);
  ::listen(packets.get(), 1);
  for (const char* name : {"stream", "packets"}) {
    const auto listener = listen_unix(folder / name, 0600);
    ASSERT_FALSE(listener) << name;
    EXPECT_EQ(listener.error().code(), ErrorCode::kExists) << name;
    EXPECT_TRUE(std::filesystem::exists(folder / name));
  }
}
TEST(ListenUnix, a_directory_a_link_or_a_file_in_the_way_is_named_and_left_alone) {
  const TestFolder folder;
  std::filesystem::create_directory(folder / "directory");
  folder.write("file", "precious");
  std::filesystem::create_symlink(folder / "file", folder / "link");
  for (const auto& [name, what] :
       {std::pair("directory", "is a directory"), std::pair("file", "is a file"),
        std::pair("link", "is a symbolic link")}) {
    const auto listener = listen_unix(folder / name, 0600);
    ASSERT_FALSE(listener) << name;
    EXPECT_EQ(listener.error().code(), ErrorCode::kInvalid);
    EXPECT_THAT(listener.error().message(), HasSubstr(what));
    EXPECT_FALSE(std::filesystem::exists(folder / (std::string(name) + ".lock")));
  }
  EXPECT_EQ(std::filesystem::file_size(folder / "file"), 8U);
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
}
TEST(ListenUnix, a_link_in_the_place_of_the_lock_is_not_followed) {
  const TestFolder folder;
  std::filesystem::create_symlink(folder / "elsewhere", folder / "s.lock");
  EXPECT_FALSE(listen_unix(folder / "s", 0600));
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
}
TEST(ListenUnix, a_path_that_is_too_long_says_by_how_much) {
  const auto listener = listen_unix("/tmp/" + std::string(200, 'x'), 0600);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code(), ErrorCode::kInvalid);
  EXPECT_THAT(listener.error().message(), HasSubstr("205 bytes, at most 107"));
}
TEST(ListenUnix, a_missing_directory_is_named) {
  const TestFolder folder;
  const auto listener = listen_unix(folder / "missing/s", 0600);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(listener.error().message(), HasSubstr("does not exist"));
}
TEST(ListenUnix, a_socket_of_another_user_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make a file of another user";
  const TestFolder folder;
  {
    const UniqueFd left_over = foreign_socket(folder / "s", SOCK_SEQPACKET);
  }
  ASSERT_EQ(::chown((folder / "s").c_str(), 12345, 12345), 0);
  const auto listener = listen_unix(folder / "s", 0600);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code(), ErrorCode::kDenied);
}

TEST(ConnectUnix, says_when_nothing_is_there) {
  const TestFolder folder;
  const auto client = connect_unix(folder / "s");
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code(), ErrorCode::kNotFound);
}
TEST(ConnectUnix, says_when_the_socket_is_of_another_kind) {
  const TestFolder folder;
  const UniqueFd stream = foreign_socket(folder / "s", SOCK_STREAM);
  ::listen(stream.get(), 1);
  const auto client = connect_unix(folder / "s");
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code(), ErrorCode::kInvalid);
}
TEST(ConnectUnix, gives_up_by_its_deadline_when_a_stopped_daemon_has_a_full_queue) {
  const TestFolder folder;
  const UniqueFd stopped = foreign_socket(folder / "s", SOCK_SEQPACKET);
  ::listen(stopped.get(), 0);
  std::vector<UniqueFd> waiting;
  for (int i = 0; i < 8; ++i) {
    auto client = connect_unix(folder / "s", 20);
    if (!client) {
      EXPECT_EQ(client.error().code(), ErrorCode::kDeadline);
      return;
    }
    waiting.push_back(std::move(*client));
  }
  FAIL() << "the queue never filled";
}

TEST(SocketPair, shut_down_ends_it_although_others_hold_it) {
  auto ends = socket_pair().value();
  const UniqueFd second_holder(::fcntl(ends.first.get(), F_DUPFD_CLOEXEC, 0));
  shut_down(ends.first);
  EXPECT_TRUE(wait_readable(ends.second, 10'000).value());
}

TEST(Poll, says_which_of_several_is_ready) {
  const auto first = socket_pair().value();
  const auto second = socket_pair().value();
  tell(second.first);
  Watched watched[] = {{first.second}, {second.second}, {BorrowedFd(-1)}};
  EXPECT_TRUE(wait_any(watched, kForever).value());
  EXPECT_FALSE(watched[0].ready);
  EXPECT_TRUE(watched[1].ready);
  EXPECT_FALSE(watched[2].ready);
}
TEST(Poll, ends_at_its_deadline) {
  const auto ends = socket_pair().value();
  EXPECT_FALSE(wait_readable(ends.first, 1).value());
  EXPECT_TRUE(wait_writable(ends.first, 1).value());
}

}  // namespace
}  // namespace vineyard::os
