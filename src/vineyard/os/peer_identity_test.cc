// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/peer_identity.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vineyard/os/socket.h"
#include "vineyard/os/test_child.h"
#include "vineyard/os/test_folder.h"

namespace vineyard::os {
namespace {

TEST(PeerIdentity, names_the_process_at_the_other_end) {
  const auto ends = socket_pair().value();
  const auto peer = peer_identity(ends.first).value();
  EXPECT_EQ(peer.pid, ::getpid());
  EXPECT_EQ(peer.uid, ::geteuid());
  EXPECT_EQ(peer.gid, ::getegid());
  ASSERT_TRUE(peer.pidfd.valid());
  EXPECT_FALSE(wait_readable(peer.pidfd, 0).value());
}
TEST(PeerIdentity, its_pidfd_tells_when_that_process_ends) {
  const TestFolder folder;
  const auto listener = listen_unix(folder / "s", 0600).value();
  TestChild client([&](const UniqueFd& parent) {
    const auto connection = connect_unix(folder / "s");
    return hear(parent) ? 0 : 1;
  });
  ASSERT_TRUE(wait_readable(listener.socket, kForever).value());
  const auto connection = accept_connection(listener.socket).value();
  const auto peer = peer_identity(*connection).value();
  EXPECT_EQ(peer.pid, client.pid());
  EXPECT_FALSE(wait_readable(peer.pidfd, 0).value());
  client.kill();
  EXPECT_TRUE(wait_readable(peer.pidfd, kForever).value());
}
TEST(PeerIdentity, a_process_that_is_gone_is_either_a_readable_pidfd_or_unavailable) {
  const TestFolder folder;
  const auto listener = listen_unix(folder / "s", 0600).value();
  {
    TestChild client([&](const UniqueFd& parent) {
      const auto connection = connect_unix(folder / "s");
      return hear(parent) ? 0 : 1;
    });
    ASSERT_TRUE(wait_readable(listener.socket, kForever).value());
  }
  const auto connection = accept_connection(listener.socket).value();
  const auto peer = peer_identity(*connection);
  if (peer) {
    EXPECT_TRUE(wait_readable(peer->pidfd, 0).value());
  } else {
    EXPECT_EQ(peer.error().code(), ErrorCode::kUnavailable);
  }
}
TEST(PeerIdentity, something_else_than_a_socket_is_an_error) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(peer_identity(null));
}

TEST(PeerIdentity, knows_whether_the_kernel_names_peers_by_a_pidfd) {
  const auto pair = socket_pair().value();
  int pidfd = -1;
  socklen_t size = sizeof pidfd;
  const bool there = ::getsockopt(pair.first.get(), SOL_SOCKET, 77, &pidfd, &size) == 0;
  const UniqueFd owner(pidfd);
  EXPECT_EQ(peer_pidfd_available(), there);
}

}  // namespace
}  // namespace vineyard::os
