// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "vineyard/os/shared_object.h"
#include "vineyard/os/test_child.h"
#include "vineyard/os/test_folder.h"

namespace vineyard::os {
namespace {

unsigned mode_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 0777;
}

TEST(PrivateDirectory, is_made_for_this_user_alone_with_what_is_missing_above) {
  const TestFolder folder;
  ASSERT_TRUE(create_private_directory(folder / "a/b/c"));
  EXPECT_EQ(mode_of(folder / "a/b/c"), 0700U);
  EXPECT_TRUE(create_private_directory(folder / "a/b/c"));
}
TEST(PrivateDirectory, one_that_others_can_write_is_refused) {
  const TestFolder folder;
  std::filesystem::create_directory(folder / "open");
  ::chmod((folder / "open").c_str(), 0777);
  const auto made = create_private_directory(folder / "open");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ErrorCode::kDenied);
}
TEST(PrivateDirectory, a_link_or_a_file_in_its_place_is_refused) {
  const TestFolder folder;
  folder.write("file", "x");
  std::filesystem::create_directory_symlink(folder.path(), folder / "link");
  EXPECT_EQ(create_private_directory(folder / "file").error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(create_private_directory(folder / "link").error().code(), ErrorCode::kInvalid);
}
TEST(PrivateDirectory, one_of_another_user_is_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make a folder of another user";
  const TestFolder folder;
  std::filesystem::create_directory(folder / "theirs");
  ASSERT_EQ(::chown((folder / "theirs").c_str(), 12345, 12345), 0);
  EXPECT_EQ(create_private_directory(folder / "theirs").error().code(), ErrorCode::kDenied);
}

TEST(ReadSmallFile, reads_all_of_it) {
  const TestFolder folder;
  const std::string text(10'000, 'x');
  folder.write("file", text);
  EXPECT_EQ(read_small_file(folder / "file").value(), text);
  EXPECT_EQ(read_small_file(folder / "missing").error().code(), ErrorCode::kNotFound);
}
TEST(ReadSmallFile, reads_no_directory_and_nothing_that_may_have_no_end) {
  const TestFolder folder;
  EXPECT_EQ(read_small_file(folder.path()).error().message(),
            folder.path() + " is a directory, not a file");
  EXPECT_EQ(read_small_file("/dev/zero").error().message(),
            "/dev/zero is a pipe or device, not a file");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_small_file(folder / "pipe").error().code(), ErrorCode::kInvalid);
}
TEST(ReadSmallFile, stops_at_a_megabyte) {
  const TestFolder folder;
  folder.write("file", std::string((1 << 20) + 1, 'x'));
  EXPECT_EQ(read_small_file(folder / "file").error().message(),
            folder / "file" + " is larger than 1 MiB");
}
TEST(RemoveFile, one_that_is_not_there_is_no_error) {
  const TestFolder folder;
  folder.write("file", "x");
  EXPECT_TRUE(remove_file(folder / "file"));
  EXPECT_TRUE(remove_file(folder / "file"));
  EXPECT_FALSE(std::filesystem::exists(folder / "file"));
}

TEST(Directories, follow_the_environment) {
  EXPECT_EQ(run_in_child([] {
              ::setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
              if (runtime_directory_path() != "/run/user/1/vineyard") return 1;
              ::unsetenv("XDG_RUNTIME_DIR");
              if (runtime_directory_path() != "/tmp/vineyard-" + std::to_string(::geteuid()))
                return 2;
              ::setenv("XDG_STATE_HOME", "/state", 1);
              if (state_directory_path().value() != "/state/vineyard") return 3;
              ::setenv("XDG_STATE_HOME", "", 1);
              ::setenv("HOME", "/home/x", 1);
              if (state_directory_path().value() != "/home/x/.local/state/vineyard") return 4;
              ::unsetenv("HOME");
              return state_directory_path() ? 5 : 0;
            }),
            0);
}
TEST(Directories, the_runtime_directory_is_made) {
  const TestFolder folder;
  EXPECT_EQ(
      run_in_child([&] {
        ::setenv("XDG_RUNTIME_DIR", folder.path().c_str(), 1);
        const auto made = runtime_directory();
        return made && *made == folder / "vineyard" && std::filesystem::is_directory(*made) ? 0 : 1;
      }),
      0);
}
TEST(ExecutablePath, is_this_test) {
  EXPECT_EQ(std::filesystem::path(executable_path().value()).filename(), "os_test");
}
TEST(Terminal, a_pipe_and_a_file_are_none) {
  EXPECT_EQ(run_in_child([] {
              const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
              if (::dup2(null.get(), STDIN_FILENO) < 0) return 2;
              return is_terminal(StandardStream::kInput) ? 1 : 0;
            }),
            0);
}
TEST(Terminal, the_slave_of_a_pseudo_terminal_is_one) {
  const UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(master.valid());
  ASSERT_EQ(::grantpt(master.get()), 0);
  ASSERT_EQ(::unlockpt(master.get()), 0);
  const char* const name = ::ptsname(master.get());
  ASSERT_NE(name, nullptr);
  EXPECT_EQ(run_in_child([name] {
              const UniqueFd slave(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
              if (::dup2(slave.get(), STDOUT_FILENO) < 0) return 2;
              return is_terminal(StandardStream::kOutput) ? 0 : 1;
            }),
            0);
}
TEST(SharedObject, what_is_no_library_is_an_error_in_the_loaders_words) {
  const TestFolder folder;
  folder.write("no.so", "not a library");
  const UniqueFd file = open_shared_object(folder / "no.so").value();
  const auto symbol = load_symbol(file, "main");
  ASSERT_FALSE(symbol);
  EXPECT_NE(symbol.error().message().find("dlopen"), std::string::npos);
  EXPECT_EQ(open_shared_object(folder / "missing.so").error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace vineyard::os
