// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/confinement.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "vineyard/os/memfd.h"
#include "vineyard/os/process.h"
#include "vineyard/os/test_child.h"
#include "vineyard/os/test_folder.h"

namespace vineyard::os {
namespace {

bool refuses_to_create(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EACCES;
}

class Confinement : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!confinement_available()) GTEST_SKIP() << "this kernel has no Landlock";
  }
  bool confined() const {
    const std::string folders[] = {inside_.path()};
    return set_no_new_privileges() && confine_writes(folders);
  }
  TestFolder inside_, outside_;
};

TEST_F(Confinement, writes_are_possible_in_the_folder_and_nowhere_else) {
  outside_.write("there", "as it was");
  EXPECT_EQ(run_in_child([&] {
              if (!confined()) return 1;
              const std::string here = inside_ / "here", there = outside_ / "there";
              const UniqueFd made(::open(here.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
              if (!made.valid()) return 2;
              if (::rename(here.c_str(), (inside_ / "renamed").c_str()) != 0) return 3;
              if (::unlink((inside_ / "renamed").c_str()) != 0) return 4;
              if (!refuses_to_create(outside_ / "new") || !refuses_to_create(there)) return 5;
              if (::unlink(there.c_str()) == 0) return 6;
              if (::mkdir((outside_ / "folder").c_str(), 0700) == 0) return 7;
              const UniqueFd read(::open(there.c_str(), O_RDONLY | O_CLOEXEC));
              return read.valid() ? 0 : 8;
            }),
            0);
}
TEST_F(Confinement, what_is_open_and_memfds_stay_writable) {
  const UniqueFd open(
      ::open((outside_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  EXPECT_EQ(run_in_child([&] {
              if (!confined()) return 1;
              if (::write(open.get(), "line\n", 5) != 5) return 2;
              const auto memory = create_memfd("test", ByteCount(4096));
              if (!memory) return 3;
              const auto again = reopen(*memory, Access::kReadWrite);
              return again && touch_pages(*again, 0, 4096) ? 0 : 4;
            }),
            0);
}
TEST_F(Confinement, a_folder_that_is_not_there_is_named) {
  const std::string folders[] = {inside_ / "missing"};
  const auto confined = confine_writes(folders);
  ASSERT_FALSE(confined);
  EXPECT_EQ(confined.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(confined.error().message().find("missing"), std::string::npos);
}

}  // namespace
}  // namespace vineyard::os
