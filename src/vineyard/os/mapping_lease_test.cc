// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/mapping_lease.h"

#include <gtest/gtest.h>

#include <array>

#include "vineyard/os/fd_passing.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/test_child.h"

namespace vineyard::os {
namespace {

constexpr ByteCount kSize = 64_KiB;

// Waits until the kernel gives that answer; the end of a process takes a moment after its parent
// heard of it.
bool becomes_true(Result<bool> (*question)(BorrowedFd), BorrowedFd memfd) {
  for (const std::int64_t deadline = monotonic_ms() + 60'000; monotonic_ms() < deadline;) {
    if (question(memfd).value()) return true;
    (void)wait_readable(BorrowedFd(-1), 1);
  }
  return false;
}

// A process that was sent a reopened description, mapped it, and closed it.
struct Holder {
  Holder(const UniqueFd& memfd, Access access)
      : child([access](const UniqueFd& connection) { return hold(connection, access); }) {
    const UniqueFd given = reopen(memfd, access).value();
    const std::byte byte{1};
    const int fds[] = {given.get()};
    EXPECT_TRUE(send_packet(child.connection(), {&byte, 1}, fds, Wait::kYes));
    EXPECT_TRUE(hear(child.connection()));
  }
  static int hold(const UniqueFd& connection, Access access) {
    std::array<std::byte, 8> buffer{};
    auto packet = receive_packet(connection, buffer, Wait::kYes).value();
    auto region = MappedRegion::map(packet.fds.at(0), kSize, access).value();
    packet.fds.clear();
    tell(connection);
    if (!hear(connection)) return 1;
    region.reset();
    tell(connection);
    return hear(connection) ? 0 : 1;
  }
  TestChild child;
};

class MappingLease : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!leases_available()) GTEST_SKIP() << "leases are refused here";
    ignore_lease_signal();
    memfd_ = create_memfd("lease", kSize).value();
    own_ = MappedRegion::map(memfd_, kSize, Access::kReadWrite).value();
  }
  UniqueFd memfd_;
  MappedRegion own_;
};

TEST_F(MappingLease, the_memfd_itself_and_its_mappings_are_not_counted) {
  EXPECT_TRUE(nobody_writes(memfd_).value());
  EXPECT_TRUE(nobody_maps(memfd_).value());
  TestChild standby(
      [](const UniqueFd& connection) { return hear(connection) ? 0 : 1; });  // inherits both
  EXPECT_TRUE(nobody_writes(memfd_).value());
  EXPECT_TRUE(nobody_maps(memfd_).value());
}
TEST_F(MappingLease, a_writer_counts_by_its_mapping_alone) {
  Holder writer(memfd_, Access::kReadWrite);
  EXPECT_FALSE(nobody_writes(memfd_).value());
  EXPECT_FALSE(nobody_maps(memfd_).value());
  tell(writer.child.connection());
  ASSERT_TRUE(hear(writer.child.connection()));  // it has unmapped
  EXPECT_TRUE(becomes_true(nobody_writes, memfd_));
  EXPECT_TRUE(becomes_true(nobody_maps, memfd_));
}
TEST_F(MappingLease, a_reader_does_not_count_as_a_writer) {
  Holder reader(memfd_, Access::kReadOnly);
  EXPECT_TRUE(nobody_writes(memfd_).value());
  EXPECT_FALSE(nobody_maps(memfd_).value());
  reader.child.kill();
  EXPECT_TRUE(becomes_true(nobody_maps, memfd_));
}
TEST_F(MappingLease, answers_through_seals) {
  Holder writer(memfd_, Access::kReadWrite);
  ASSERT_TRUE(seal_against_new_writers(memfd_));
  EXPECT_FALSE(nobody_writes(memfd_).value());
  writer.child.kill();
  EXPECT_TRUE(becomes_true(nobody_writes, memfd_));
}
TEST_F(MappingLease, an_open_description_counts_while_it_waits_in_a_queue) {
  auto ends = socket_pair().value();
  {
    const UniqueFd given = reopen(memfd_, Access::kReadWrite).value();
    const std::byte byte{1};
    const int fds[] = {given.get()};
    ASSERT_TRUE(send_packet(ends.first, {&byte, 1}, fds, Wait::kYes));
  }
  EXPECT_FALSE(nobody_writes(memfd_).value());
  ends.second.reset();
  ends.first.reset();
  EXPECT_TRUE(becomes_true(nobody_writes, memfd_));
}
TEST_F(MappingLease, a_mapping_inherited_by_fork_outlives_its_maker) {
  UniqueFd given = reopen(memfd_, Access::kReadWrite).value();
  auto region = MappedRegion::map(given, kSize, Access::kReadWrite).value();
  given.reset();
  TestChild child([](const UniqueFd& connection) { return hear(connection) ? 0 : 1; });
  region.reset();
  EXPECT_FALSE(nobody_writes(memfd_).value());
  child.kill();
  EXPECT_TRUE(becomes_true(nobody_writes, memfd_));
}
TEST_F(MappingLease, asking_leaves_no_lease_behind) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(nobody_maps(memfd_).value());
    EXPECT_TRUE(reopen(memfd_, Access::kReadWrite));  // would wait for a lease that is left
  }
}

}  // namespace
}  // namespace vineyard::os
