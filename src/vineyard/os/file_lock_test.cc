// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/file_lock.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "vineyard/os/test_folder.h"

namespace vineyard::os {
namespace {

TEST(FileLock, one_holds_it_until_it_ends) {
  const TestFolder folder;
  const std::string path = folder / "lock";
  auto first = FileLock::try_lock(path);
  ASSERT_TRUE(first.has_value() && first->has_value());
  EXPECT_FALSE(FileLock::try_lock(path)->has_value());
  first->reset();
  EXPECT_TRUE(FileLock::try_lock(path)->has_value());
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(FileLock, follows_no_link_and_names_what_it_cannot_open) {
  const TestFolder folder;
  std::filesystem::create_symlink(folder / "elsewhere", folder / "link");
  EXPECT_FALSE(FileLock::try_lock(folder / "link").has_value());
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
  const auto nowhere = FileLock::try_lock(folder / "no" + "/lock");
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(nowhere.error().message().find("/no/lock"), std::string::npos);
}

}  // namespace
}  // namespace vineyard::os
