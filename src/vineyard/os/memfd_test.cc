// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/memfd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vineyard/os/mapped_region.h"
#include "vineyard/os/test_child.h"

namespace vineyard::os {
namespace {

constexpr ByteCount kSize = 1_MiB;

UniqueFd make() {
  auto fd = create_memfd("memfd-test", kSize);
  EXPECT_TRUE(fd) << fd.error().to_string();
  return std::move(*fd);
}

TEST(Memfd, has_the_size_asked_for_and_takes_no_memory_before_it_is_touched) {
  const UniqueFd fd = make();
  EXPECT_EQ(size_of(fd)->value, kSize.value);
  EXPECT_EQ(allocated_size(fd)->value, 0U);
}

TEST(Memfd, is_closed_on_exec) {
  const UniqueFd fd = make();
  EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Memfd, refuses_to_be_empty) {
  const auto fd = create_memfd("memfd-test", ByteCount(0));
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code(), ErrorCode::kInvalid);
}

TEST(Memfd, neither_shrinks_nor_grows) {
  const UniqueFd fd = make();
  EXPECT_EQ(::ftruncate(fd.get(), 4096), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(fd.get(), 2 << 20), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST(Memfd, touching_allocates_only_the_range_and_never_beyond_the_end) {
  const UniqueFd fd = make();
  ASSERT_TRUE(touch_pages(fd, 65536, 65536));
  EXPECT_EQ(allocated_size(fd)->value, 65536U);
  const auto beyond = touch_pages(fd, kSize.value - 4096, 8192);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code(), ErrorCode::kDenied);
}

TEST(Memfd, touched_pages_are_cleared_so_that_one_fault_maps_many) {
#ifdef VINEYARD_TSAN
  GTEST_SKIP() << "ThreadSanitizer's own memory faults for each access";
#endif
  constexpr std::size_t kPages = 256;
  const UniqueFd fd = create_memfd("touched", ByteCount(kPages * 4096)).value();
  ASSERT_TRUE(touch_pages(fd, 0, kPages * 4096));
  const auto reader = MappedRegion::map(fd, ByteCount(kPages * 4096), Access::kReadOnly);
  ASSERT_TRUE(reader);
  struct rusage before{}, after{};
  ::getrusage(RUSAGE_THREAD, &before);
  for (std::size_t page = 0; page < kPages; ++page)
    EXPECT_EQ(reader->data()[page * 4096], std::byte{0});
  ::getrusage(RUSAGE_THREAD, &after);
  EXPECT_LT(after.ru_minflt - before.ru_minflt, static_cast<long>(kPages / 2));
}

TEST(Memfd, can_be_touched_after_it_was_sealed) {
  const UniqueFd fd = make();
  ASSERT_TRUE(seal_against_new_writers(fd));
  EXPECT_TRUE(touch_pages(fd, 0, 4096));
  EXPECT_EQ(allocated_size(fd)->value, 4096U);
}

TEST(Memfd, sealing_can_be_repeated_and_is_visible) {
  const UniqueFd fd = make();
  EXPECT_FALSE(is_sealed(fd));
  EXPECT_TRUE(seal_against_new_writers(fd));
  EXPECT_TRUE(seal_against_new_writers(fd));
  EXPECT_TRUE(is_sealed(fd));
}

TEST(Memfd, sealing_something_else_is_an_error) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(is_sealed(null));
  const auto sealed = seal_against_new_writers(null);
  ASSERT_FALSE(sealed);
  EXPECT_EQ(sealed.error().code(), ErrorCode::kInvalid);
}

TEST(Memfd, a_read_only_description_can_be_reopened_writable_so_it_protects_nothing) {
  const UniqueFd fd = make();
  const auto read_only = reopen(fd, Access::kReadOnly);
  ASSERT_TRUE(read_only);
  EXPECT_FALSE(MappedRegion::map(*read_only, kSize, Access::kReadWrite));
  const auto writable = reopen(*read_only, Access::kReadWrite);
  ASSERT_TRUE(writable);
  EXPECT_TRUE(MappedRegion::map(*writable, kSize, Access::kReadWrite));
}

TEST(Seal, leaves_writable_mappings_working_here_and_in_children) {
  const UniqueFd fd = make();
  auto writer = MappedRegion::map(fd, kSize, Access::kReadWrite);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(seal_against_new_writers(fd));
  writer->data()[0] = std::byte{7};
  EXPECT_EQ(run_in_child([&] {
              writer->data()[1] = std::byte{8};
              return run_in_child([&] {
                writer->data()[2] = std::byte{9};
                return 0;
              });
            }),
            0);
  EXPECT_EQ(writer->data()[1], std::byte{8});
  EXPECT_EQ(writer->data()[2], std::byte{9});
  EXPECT_EQ(::mprotect(writer->data(), kSize.value, PROT_READ), 0);
  EXPECT_EQ(::mprotect(writer->data(), kSize.value, PROT_READ | PROT_WRITE), 0);
}

TEST(Seal, refuses_every_new_way_to_write_also_to_root) {
  const UniqueFd fd = make();
  auto writer = MappedRegion::map(fd, kSize, Access::kReadWrite);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(seal_against_new_writers(fd));

  const auto again = MappedRegion::map(fd, kSize, Access::kReadWrite);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kDenied);
  auto reader = MappedRegion::map(fd, kSize, Access::kReadOnly);
  ASSERT_TRUE(reader);
  EXPECT_EQ(::mprotect(reader->data(), kSize.value, PROT_READ | PROT_WRITE), -1);
  EXPECT_EQ(errno, EACCES);
  EXPECT_EQ(::pwrite(fd.get(), "x", 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(fd.get(), 4096), -1);
  EXPECT_EQ(::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::madvise(writer->data(), 4096, MADV_REMOVE), -1);
  const auto reopened = reopen(fd, Access::kReadWrite);
  if (reopened) {
    EXPECT_FALSE(MappedRegion::map(*reopened, kSize, Access::kReadWrite));
  }
}

TEST(Seal, refuses_a_write_through_proc_self_mem_into_a_read_only_mapping) {
  const UniqueFd fd = make();
  ASSERT_TRUE(touch_pages(fd, 0, 4096));
  ASSERT_TRUE(seal_against_new_writers(fd));
  auto reader = MappedRegion::map(fd, kSize, Access::kReadOnly);
  ASSERT_TRUE(reader);
  const UniqueFd memory(::open("/proc/self/mem", O_RDWR | O_CLOEXEC));
  if (!memory.valid()) GTEST_SKIP() << "/proc/self/mem cannot be opened here";
  EXPECT_EQ(::pwrite(memory.get(), "x", 1, reinterpret_cast<off_t>(reader->data())), -1);
  EXPECT_EQ(reader->data()[0], std::byte{0});
}

TEST(Seal, a_process_that_unmapped_cannot_map_writable_again_so_workers_inherit) {
  const UniqueFd fd = make();
  auto writer = MappedRegion::map(fd, kSize, Access::kReadWrite);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(seal_against_new_writers(fd));
  EXPECT_EQ(run_in_child([&] {
              writer->reset();
              return MappedRegion::map(fd, kSize, Access::kReadWrite) ? 1 : 0;
            }),
            0);
  for (int generation = 1; generation <= 3; ++generation) {
    EXPECT_EQ(run_in_child([&]() -> int {
                writer->data()[0] = std::byte(generation);
                ::kill(::getpid(), SIGKILL);
                return 1;
              }),
              -SIGKILL);
    EXPECT_EQ(writer->data()[0], std::byte(generation));
  }
}

}  // namespace
}  // namespace vineyard::os
