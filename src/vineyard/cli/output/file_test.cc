// SPDX-License-Identifier: Apache-2.0
#include "vineyard/cli/output/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "vineyard/os/test_folder.h"

namespace vineyard::cli {
namespace {

using testing::HasSubstr;

TEST(File, reads_back_what_was_written) {
  const os::TestFolder folder;
  const std::string bytes("a\0b\n\xff", 5);
  ASSERT_TRUE(write_file(folder / "f", bytes));
  auto input = Input::open(folder / "f");
  ASSERT_TRUE(input) << input.error().message();
  EXPECT_EQ(input->size(), 5U);
  std::array<std::byte, 3> piece{};
  EXPECT_EQ(input->read(piece).value(), 3U);
  EXPECT_EQ(piece[1], std::byte{0});
  EXPECT_EQ(input->read(piece).value(), 2U);
  EXPECT_EQ(input->read(piece).value(), 0U);
}

TEST(File, replaces_what_was_there) {
  const os::TestFolder folder;
  ASSERT_TRUE(write_file(folder / "f", "long before"));
  ASSERT_TRUE(write_file(folder / "f", "now"));
  EXPECT_EQ(std::filesystem::file_size(folder / "f"), 3U);
}

TEST(File, says_which_file_and_why) {
  const os::TestFolder folder;
  const auto input = Input::open(folder / "missing");
  ASSERT_FALSE(input);
  EXPECT_EQ(input.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(input.error().message(), HasSubstr("missing: No such file"));
  const auto written = write_file(folder / "no/f", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code(), ErrorCode::kNotFound);
}

TEST(File, refuses_a_folder) {
  const os::TestFolder folder;
  EXPECT_EQ(Input::open(folder.path()).error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(write_file(folder.path(), "x").error().code(), ErrorCode::kInvalid);
}

TEST(File, a_full_disk_is_an_error) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP();
  const auto written = write_file("/dev/full", std::string(1 << 20, 'x'));
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message(), HasSubstr("/dev/full"));
  EXPECT_TRUE(std::filesystem::exists("/dev/full"));
}

TEST(File, does_not_know_the_size_of_what_is_made_while_it_is_read) {
  auto input = Input::open("/proc/self/status");
  ASSERT_TRUE(input);
  EXPECT_FALSE(input->size());
  std::array<std::byte, 5> piece{};
  EXPECT_EQ(input->read(piece).value(), 5U);
  EXPECT_FALSE(Input::open("/dev/null")->size());
}

}  // namespace
}  // namespace vineyard::cli
