// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/file_identity.h"

#include <gtest/gtest.h>

#include "vineyard/os/socket.h"

namespace vineyard::os {
namespace {

TEST(FileIdentity, tells_two_sockets_apart_and_notices_a_descriptor_that_was_closed) {
  auto pair = socket_pair().value();
  const auto first = identity_of(pair.first).value();
  EXPECT_EQ(first, identity_of(pair.first).value());
  EXPECT_NE(first, identity_of(pair.second).value());
  const BorrowedFd number(pair.first.get());
  pair.first.reset();
  EXPECT_FALSE(identity_of(number));
}
TEST(FileIdentity, is_the_same_for_two_names_of_one_file) {
  EXPECT_EQ(identity_at("/proc/self/../../tmp").value(), identity_at("/tmp").value());
  EXPECT_EQ(identity_at("/no/such/file").error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace vineyard::os
