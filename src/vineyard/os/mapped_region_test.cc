// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/mapped_region.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <vector>

#include "vineyard/os/memfd.h"
#include "vineyard/os/test_child.h"

namespace vineyard::os {
namespace {

const std::size_t kPage = page_size();
constexpr ByteCount kSize = 1_MiB;

// How many pages of the range are in memory.
std::size_t resident_pages(void* address, std::size_t size) {
  std::vector<unsigned char> pages(size / kPage);
  EXPECT_EQ(::mincore(address, size, pages.data()), 0);
  std::size_t count = 0;
  for (const unsigned char page : pages) count += page & 1;
  return count;
}

TEST(MappedRegion, two_mappings_of_one_memory_show_the_same_bytes) {
  const UniqueFd fd = create_memfd("map-test", kSize).value();
  auto writer = MappedRegion::map(fd, kSize, Access::kReadWrite).value();
  auto reader = MappedRegion::map(fd, kSize, Access::kReadOnly).value();
  EXPECT_EQ(reader.size(), kSize.value);
  writer.data()[12345] = std::byte{42};
  EXPECT_EQ(reader.data()[12345], std::byte{42});
}
TEST(MappedRegion, a_private_copy_of_sealed_memory_can_be_written_and_stays_private) {
  const UniqueFd fd = create_memfd("map-test", kSize).value();
  auto writer = MappedRegion::map(fd, kSize, Access::kReadWrite).value();
  writer.data()[0] = std::byte{1};
  ASSERT_TRUE(seal_against_new_writers(fd));
  auto copy = MappedRegion::map_private_copy(fd, kSize);
  ASSERT_TRUE(copy) << copy.error().to_string();
  copy->data()[0] = std::byte{2};
  EXPECT_EQ(writer.data()[0], std::byte{1});
  EXPECT_EQ(copy->data()[0], std::byte{2});
}
TEST(MappedRegion, unmaps_with_its_owner) {
  void* place = nullptr;
  {
    auto region = MappedRegion::map_anonymous(kSize).value();
    place = region.data();
    auto moved = std::move(region);
    EXPECT_FALSE(region.valid());  // NOLINT: moved from on purpose
    EXPECT_TRUE(moved.valid());
  }
  EXPECT_EQ(::msync(place, kPage, MS_ASYNC), -1);
  EXPECT_EQ(errno, ENOMEM);
}
TEST(MappedRegion, a_released_mapping_stays) {
  auto region = MappedRegion::map_anonymous(kSize).value();
  std::byte* place = region.release();
  EXPECT_FALSE(region.valid());
  place[0] = std::byte{1};
  MappedRegion again(place, kSize.value);
  EXPECT_EQ(again.data()[0], std::byte{1});
}
TEST(MappedRegion, mapping_nonsense_is_an_error) {
  const auto region = MappedRegion::map(BorrowedFd(-1), kSize, Access::kReadOnly);
  ASSERT_FALSE(region);
  EXPECT_EQ(region.error().code(), ErrorCode::kInvalid);
}

TEST(Populate, brings_in_the_pages_of_a_range_that_need_not_lie_on_page_borders) {
  const UniqueFd fd = create_memfd("map-test", kSize).value();
  auto writer = MappedRegion::map(fd, kSize, Access::kReadWrite).value();
  const auto done = populate_for_write(writer.data() + kPage + 17, 2 * kPage);
  if (!done && done.error().code() == ErrorCode::kUnsupported)
    GTEST_SKIP() << done.error().message();
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(resident_pages(writer.data() + kPage, 3 * kPage), 3U);
  EXPECT_EQ(allocated_size(fd)->value, 3 * kPage);
}

TEST(DontFork, a_mapping_is_missing_in_the_child_and_the_hole_can_be_filled) {
  auto region = MappedRegion::map_anonymous(kSize).value();
  ASSERT_TRUE(dont_fork(region.data(), region.size()));
  EXPECT_EQ(run_in_child([&]() -> int {
              if (!fill_hole(region.data(), region.size())) return 1;
              const auto again = fill_hole(region.data(), region.size());
              return !again && again.error().code() == ErrorCode::kExists ? 0 : 2;
            }),
            0);
  region.data()[0] = std::byte{1};
}
TEST(DontFork, can_be_taken_back) {
  auto region = MappedRegion::map_anonymous(kSize).value();
  region.data()[0] = std::byte{7};
  ASSERT_TRUE(dont_fork(region.data(), region.size()));
  ASSERT_TRUE(do_fork(region.data(), region.size()));
  EXPECT_EQ(run_in_child([&] { return static_cast<int>(region.data()[0]); }), 7);
}
TEST(DontFork, an_inherited_writable_mapping_would_let_the_child_write_into_the_parent) {
  const UniqueFd fd = create_memfd("map-test", kSize).value();
  auto writer = MappedRegion::map(fd, kSize, Access::kReadWrite).value();
  EXPECT_EQ(run_in_child([&] {
              writer.data()[0] = std::byte{9};
              return 0;
            }),
            0);
  EXPECT_EQ(writer.data()[0], std::byte{9});  // hence dont_fork
}

TEST(ReplaceWithAnonymous, gives_fresh_memory_at_the_same_place_and_leaves_the_old_to_others) {
  const UniqueFd fd = create_memfd("map-test", kSize).value();
  auto mine = MappedRegion::map(fd, kSize, Access::kReadWrite).value();
  auto other = MappedRegion::map(fd, kSize, Access::kReadOnly).value();
  mine.data()[5] = std::byte{5};
  ASSERT_TRUE(replace_with_anonymous(mine.data(), mine.size()));
  EXPECT_EQ(mine.data()[5], std::byte{0});
  mine.data()[5] = std::byte{6};
  EXPECT_EQ(other.data()[5], std::byte{5});
}
TEST(ProtectReadOnly, makes_a_store_fatal) {
  auto region = MappedRegion::map_anonymous(kSize).value();
  ASSERT_TRUE(protect_read_only(region.data(), region.size()));
  EXPECT_NE(run_in_child([&] {
              ::signal(SIGSEGV, SIG_DFL);  // without the sanitizer's report
              *static_cast<volatile char*>(static_cast<void*>(region.data())) = 1;
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace vineyard::os
