// SPDX-License-Identifier: Apache-2.0
// Whom the kernel charges for shared memory: the facts that `reserve`, `prefault` and the clamping
// of the pool rest on. Needs a memory control group of its own, so root; says so when skipped.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

#include "vineyard/os/cgroup.h"
#include "vineyard/os/file_system.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/test_child.h"

namespace vineyard::os {
namespace {

constexpr ByteCount kSize = 16_MiB;
constexpr std::uint64_t kSlack = 4 << 20;  // what a process takes besides, and the kernel's batches

// A control group below our own (version 1 or 2), removed with the object.
class Group {
 public:
  explicit Group(const std::string& name) {
    const auto limits = memory_limits();
    if (!limits || limits->group.empty()) return;
    const std::string folder =
        limits->group + "/vineyard-test-" + std::to_string(::getpid()) + name;
    if (::mkdir(folder.c_str(), 0755) != 0) return;
    folder_ = folder;
    version1_ = ::access((folder + "/memory.usage_in_bytes").c_str(), R_OK) == 0;
    if (!version1_ && ::access((folder + "/memory.current").c_str(), R_OK) != 0) drop();
  }
  ~Group() { drop(); }
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  [[nodiscard]] bool exists() const { return !folder_.empty(); }
  [[nodiscard]] std::uint64_t usage() const {
    std::ifstream file(folder_ + (version1_ ? "/memory.usage_in_bytes" : "/memory.current"));
    std::uint64_t bytes = 0;
    file >> bytes;
    return bytes;
  }
  [[nodiscard]] bool limit(ByteCount bytes) const {
    if (version1_) write("/memory.swappiness", "0");
    if (!version1_) write("/memory.swap.max", "0");
    return write(version1_ ? "/memory.limit_in_bytes" : "/memory.max", std::to_string(bytes.value));
  }
  // Moves the calling process in.
  [[nodiscard]] bool enter() const { return write("/cgroup.procs", std::to_string(::getpid())); }

 private:
  bool write(const std::string& name, const std::string& text) const {
    std::ofstream file(folder_ + name);
    file << text << std::flush;
    return file.good();
  }
  void drop() {
    if (!folder_.empty()) ::rmdir(folder_.c_str());
    folder_.clear();
  }
  std::string folder_;
  bool version1_ = false;
};

// Reads one byte of each page.
int read_all(const UniqueFd& memfd) {
  const auto region = MappedRegion::map(memfd, kSize, Access::kReadOnly);
  if (!region) return 1;
  unsigned sum = 0;
  for (std::size_t at = 0; at < region->size(); at += page_size()) {
    sum += std::to_integer<unsigned>(static_cast<volatile std::byte*>(region->data())[at]);
  }
  return sum == 0 ? 0 : 2;
}

class MemoryCharge : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!first_.exists() || !second_.exists()) {
      GTEST_SKIP() << "needs root and a memory control group that can be divided";
    }
    memfd_ = create_memfd("charge", kSize).value();
  }
  Group first_{"-first"};
  Group second_{"-second"};
  UniqueFd memfd_;
};

TEST_F(MemoryCharge, who_touches_first_pays_and_goes_on_paying_after_its_end) {
  const std::uint64_t before = first_.usage();
  ASSERT_EQ(
      run_in_child([&] { return first_.enter() && touch_pages(memfd_, 0, kSize.value) ? 0 : 1; }),
      0);
  EXPECT_GT(first_.usage(), before + kSize.value - kSlack);
  const std::uint64_t reader_before = second_.usage();
  ASSERT_EQ(run_in_child([&] { return second_.enter() ? read_all(memfd_) : 1; }), 0);
  EXPECT_LT(second_.usage(), reader_before + kSlack);  // reading what others touched costs nothing
  EXPECT_GT(first_.usage(), before + kSize.value - kSlack);
}
TEST_F(MemoryCharge, making_memory_costs_nobody) {
  const std::uint64_t before = first_.usage();
  ASSERT_EQ(run_in_child([&] {
              if (!first_.enter()) return 1;
              const auto made = create_memfd("charge", kSize);
              return made && MappedRegion::map(*made, kSize, Access::kReadWrite) ? 0 : 2;
            }),
            0);
  EXPECT_LT(first_.usage(), before + kSlack);
}
TEST_F(MemoryCharge, reading_what_nobody_touched_charges_the_reader) {
  const std::uint64_t before = second_.usage();
  ASSERT_EQ(run_in_child([&] { return second_.enter() ? read_all(memfd_) : 1; }), 0);
  EXPECT_GT(second_.usage(), before + kSize.value - kSlack);
}
TEST_F(MemoryCharge, past_the_limit_touching_ends_in_a_kill_and_not_in_an_error) {
  ASSERT_TRUE(first_.limit(8_MiB));
  EXPECT_EQ(
      run_in_child([&] { return first_.enter() && touch_pages(memfd_, 0, kSize.value) ? 0 : 1; }),
      -SIGKILL);
  const UniqueFd other = create_memfd("charge", kSize).value();
  EXPECT_EQ(run_in_child([&] {
              auto region = MappedRegion::map(other, kSize, Access::kReadWrite);
              if (!region || !first_.enter()) return 1;
              return populate_for_write(region->data(), region->size()) ? 0 : 2;
            }),
            -SIGKILL);
}

}  // namespace
}  // namespace vineyard::os
