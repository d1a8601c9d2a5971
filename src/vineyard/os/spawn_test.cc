// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/spawn.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "vineyard/os/file_system.h"
#include "vineyard/os/process.h"

namespace vineyard::os {
namespace {

TEST(Spawn, runs_a_program_in_a_session_of_its_own_with_its_output_in_a_file) {
  const std::string log = ::testing::TempDir() + "spawn_test_" + std::to_string(process_id());
  const std::vector<std::string> arguments{"-c", "echo $$; ls /proc/self/fd | wc -l; exit 7"};
  const auto pid = start_program("/bin/sh", arguments, log);
  ASSERT_TRUE(pid) << pid.error().to_string();
  const auto status = wait_child(*pid);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->status, 7);
  const auto text = read_small_file(log);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->substr(0, text->find('\n')), std::to_string(*pid));
  (void)remove_file(log);
}
TEST(Spawn, says_that_a_program_is_not_there) {
  const auto pid = start_program("/no/such/program", {}, "");
  ASSERT_FALSE(pid);
  EXPECT_EQ(pid.error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(is_executable("/no/such/program"));
  EXPECT_FALSE(is_executable("/tmp"));
  EXPECT_TRUE(is_executable("/bin/sh"));
}

}  // namespace
}  // namespace vineyard::os
