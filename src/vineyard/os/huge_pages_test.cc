// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/huge_pages.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>

#include "vineyard/os/mapped_region.h"
#include "vineyard/os/memfd.h"

namespace vineyard::os {
namespace {

constexpr std::uint64_t kSize = 3 * kHugePage + 4096;

// Bytes of huge pages that the mapping which begins at `address` maps as such.
std::uint64_t mapped_huge(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool is_it = false;
  while (std::getline(maps, line)) {
    unsigned long begin = 0, end = 0, kilobytes = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2)
      is_it = begin == reinterpret_cast<std::uintptr_t>(address);
    if (is_it && std::sscanf(line.c_str(), "ShmemPmdMapped: %lu kB", &kilobytes) == 1)
      return kilobytes << 10;
  }
  return 0;
}

bool is_aligned(const MappedRegion& region) {
  return reinterpret_cast<std::uintptr_t>(region.data()) % kHugePage == 0;
}

TEST(HugePages, keep_what_was_written_and_are_mapped_as_one_by_all) {
  if (!huge_pages_available()) GTEST_SKIP() << "this machine gives no huge pages";
  const UniqueFd fd = create_memfd("huge", ByteCount(kSize)).value();
  const auto writer = MappedRegion::map(fd, ByteCount(kSize), Access::kReadWrite).value();
  writer.data()[kHugePage + 5] = std::byte{7};
  ASSERT_TRUE(make_huge_page(fd, kHugePage));
  const auto reader = MappedRegion::map(fd, ByteCount(kSize), Access::kReadOnly).value();
  EXPECT_EQ(reader.data()[kHugePage + 5], std::byte{7});
  EXPECT_EQ(reader.data()[kHugePage + 6], std::byte{0});
  EXPECT_EQ(mapped_huge(reader.data()), kHugePage);
  writer.data()[kHugePage + 6] = std::byte{8};
  EXPECT_EQ(reader.data()[kHugePage + 6], std::byte{8});
  EXPECT_EQ(mapped_huge(writer.data()), kHugePage);
}

TEST(HugePages, can_be_made_of_sealed_memory_and_at_an_address) {
  if (!huge_pages_available()) GTEST_SKIP() << "this machine gives no huge pages";
  const UniqueFd fd = create_memfd("huge", ByteCount(kSize)).value();
  const auto writer = MappedRegion::map(fd, ByteCount(kSize), Access::kReadWrite).value();
  ASSERT_TRUE(seal_against_new_writers(fd));
  EXPECT_TRUE(make_huge_page(fd, 0));
  writer.data()[2 * kHugePage] = std::byte{1};
  EXPECT_TRUE(make_huge_page(writer.data() + 2 * kHugePage));
  EXPECT_EQ(mapped_huge(writer.data()), kHugePage);  // the other one nobody has read yet
}

TEST(HugePages, that_do_not_fit_are_refused) {
  const UniqueFd small = create_memfd("small", ByteCount(4096)).value();
  EXPECT_FALSE(make_huge_page(small, 0));
  const UniqueFd fd = create_memfd("huge", ByteCount(kSize)).value();
  EXPECT_FALSE(make_huge_page(fd, 3 * kHugePage));
  EXPECT_EQ(allocated_size(fd)->value, 0U);
}

TEST(HugePages, touching_makes_them_where_whole_ones_fit) {
  const UniqueFd fd = create_memfd("huge", ByteCount(kSize)).value();
  ASSERT_TRUE(touch_pages(fd, 4096, kSize - 4096));
  EXPECT_EQ(allocated_size(fd)->value, kSize - 4096);
  if (!huge_pages_available()) GTEST_SKIP() << "this machine gives no huge pages";
  const auto reader = MappedRegion::map(fd, ByteCount(kSize), Access::kReadOnly).value();
  for (std::uint64_t at = 4096; at < kSize; at += 4096) ASSERT_EQ(reader.data()[at], std::byte{0});
  EXPECT_EQ(mapped_huge(reader.data()), 2 * kHugePage);
}

TEST(HugePages, large_mappings_lie_so_that_they_can_be_used) {
  const UniqueFd fd = create_memfd("huge", ByteCount(kSize)).value();
  for (int round = 0; round < 20; ++round) {
    const auto odd = MappedRegion::map_anonymous(ByteCount(4096 * (round + 1))).value();
    const auto region = MappedRegion::map(fd, ByteCount(kSize), Access::kReadWrite).value();
    EXPECT_TRUE(is_aligned(region));
    const auto piece = MappedRegion::map_piece(fd, kHugePage, ByteCount(4096), Access::kReadOnly);
    region.data()[kHugePage] = static_cast<std::byte>(round);
    EXPECT_EQ(piece->data()[0], static_cast<std::byte>(round));
  }
}

}  // namespace
}  // namespace vineyard::os
