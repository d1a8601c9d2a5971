// SPDX-License-Identifier: Apache-2.0
#include "vineyard/catalog/local/block_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

namespace vineyard::catalog::local {
namespace {

class BlockFileTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::temp_directory_path() /
           ("vineyard-blocks-" +
            std::to_string(std::hash<std::thread::id>{}(std::this_thread::get_id())) +
            testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string path() const { return dir_ / "catalog.sqlite"; }
  std::filesystem::path dir_;
};

TEST_F(BlockFileTest, never_gives_a_block_twice_also_to_two_users_and_after_opening_again) {
  std::set<std::uint32_t> seen;
  for (int round = 0; round < 3; ++round) {
    auto a = BlockFile::open(path());
    auto b = BlockFile::open(path());
    ASSERT_TRUE(a) << a.error().message();
    ASSERT_TRUE(b);
    for (int n = 0; n < 5; ++n) {
      for (auto* file : {&*a, &*b}) {
        const auto block = file->take();
        ASSERT_TRUE(block) << block.error().message();
        EXPECT_GE(block->value, 1U << 24);
        EXPECT_LT(block->value, (1U << 25) - 1);
        EXPECT_TRUE(seen.insert(block->value).second);
      }
    }
  }
}
TEST_F(BlockFileTest, says_so_when_the_file_is_something_else) {
  std::ofstream(path()) << std::string(4096, 'x');
  const auto file = BlockFile::open(path());
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message().find(path()), std::string::npos);
}

}  // namespace
}  // namespace vineyard::catalog::local
