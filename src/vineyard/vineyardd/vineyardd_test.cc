// SPDX-License-Identifier: Apache-2.0
// Starts the program itself, with the supervisor's test worker in the place of the real one.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "vineyard/os/fd_passing.h"
#include "vineyard/os/file_system.h"
#include "vineyard/os/poll.h"
#include "vineyard/os/process.h"
#include "vineyard/os/socket.h"
#include "vineyard/os/test_folder.h"

namespace vineyard {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int kPatienceMs = 60'000;

// One run of the program in an environment of its own.
class Daemon {
 public:
  explicit Daemon(const os::TestFolder& folder, std::vector<std::string> words,
                  std::vector<std::string> environment = {}, const std::string& program = VINEYARDD)
      : errors_(folder / "errors"), output_(folder / "output") {
    // What the test says comes first, and the first of two counts.
    environment.insert(environment.end(),
                       {"XDG_RUNTIME_DIR=" + folder.path(), "XDG_STATE_HOME=" + folder.path(),
                        std::string("VINEYARD_WORKER=") + VINEYARD_TEST_WORKER});
    words.insert(words.begin(), program);
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::dup2(::open(errors_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    ::dup2(::open(output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    ::execve(program.c_str(), pointers(words).data(), pointers(environment).data());
    ::_exit(99);
  }
  ~Daemon() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    (void)wait();
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Exit status, or minus the signal; -1000 when it did not end in time.
  int wait() {
    const auto pidfd = os::open_pidfd(pid_);
    const bool ended = pidfd && os::wait_readable(*pidfd, kPatienceMs).value();
    if (!ended) ::kill(pid_, SIGTERM);  // not SIGKILL: its standby would take over
    int raw = 0;
    ::waitpid(std::exchange(pid_, -1), &raw, 0);
    return !ended ? -1000 : WIFSIGNALED(raw) ? -WTERMSIG(raw) : WEXITSTATUS(raw);
  }
  [[nodiscard]] std::string errors() const { return os::read_small_file(errors_).value(); }
  [[nodiscard]] std::string output() const { return os::read_small_file(output_).value(); }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (std::string& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return list;
  }
  std::string errors_;
  std::string output_;
  pid_t pid_ = -1;
};

std::string ask(const std::string& socket, const std::string& text) {
  for (const std::int64_t deadline = os::monotonic_ms() + kPatienceMs;
       os::monotonic_ms() < deadline;) {
    const auto connection = os::connect_unix(socket);
    if (!connection) {
      (void)os::wait_readable(os::BorrowedFd(-1), 2);
      continue;
    }
    EXPECT_TRUE(os::send_packet(*connection, std::as_bytes(std::span(text)), {}, os::Wait::kYes));
    EXPECT_TRUE(os::wait_readable(*connection, kPatienceMs).value());
    char reply[1024];
    const auto packet =
        os::receive_packet(*connection, std::as_writable_bytes(std::span(reply)), os::Wait::kNo);
    return packet ? std::string(reply, packet->size) : "";
  }
  return "nobody listens";
}

TEST(Vineyardd, serves_with_no_configuration_and_stops_cleanly) {
  const os::TestFolder folder;
  Daemon daemon(folder, {});
  const std::string socket = folder / "vineyard/vineyard.sock";
  EXPECT_THAT(ask(socket, "state"), StartsWith("1 "));
  struct stat status{};
  ASSERT_EQ(::stat(socket.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat((folder / "vineyard").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  ::kill(daemon.pid(), SIGTERM);
  EXPECT_EQ(daemon.wait(), 0);
  EXPECT_FALSE(std::filesystem::exists(socket));
  EXPECT_THAT(daemon.errors(),
              AllOf(HasSubstr("vineyardd: worker "), HasSubstr("vineyardd: stopped")));
}
TEST(Vineyardd, workers_get_the_settings_as_it_decided_them) {
  const os::TestFolder folder;
  Daemon daemon(folder, {"--size", "16Mi", "--socket", folder / "s"});
  EXPECT_EQ(ask(folder / "s", "argv 3"), "--size=16777216");
  EXPECT_EQ(ask(folder / "s", "argv 4"), "--socket=" + (folder / "s"));
  EXPECT_THAT(daemon.errors(), HasSubstr("serves 16.0 MiB of memory at " + (folder / "s")));
}
TEST(Vineyardd, logs_json_when_asked_to) {
  const os::TestFolder folder;
  Daemon daemon(folder, {"--log", "json", "--socket", folder / "s"});
  (void)ask(folder / "s", "state");
  ::kill(daemon.pid(), SIGTERM);
  EXPECT_EQ(daemon.wait(), 0);
  EXPECT_THAT(daemon.errors(), AllOf(HasSubstr("{\"level\":\"info\",\"message\":\"worker "),
                                     Not(HasSubstr("vineyardd: "))));
}
TEST(Vineyardd, prints_help_and_version) {
  const os::TestFolder folder;
  Daemon help(folder, {"--help"});
  EXPECT_EQ(help.wait(), 0);
  EXPECT_THAT(help.output(), HasSubstr("--until-idle"));
  EXPECT_EQ(help.errors(), "");
  Daemon version(folder, {"--version"});
  EXPECT_EQ(version.wait(), 0);
  EXPECT_THAT(version.output(), StartsWith("vineyardd "));
}

// Each of these ends at once with status 2 and one line that says what is wrong and what to do.
struct BadStart {
  std::vector<std::string> words;
  std::vector<std::string> environment;
  std::string says;
};

class BadStarts : public ::testing::Test {
 protected:
  void check(const BadStart& bad) {
    Daemon daemon(folder_, bad.words, bad.environment);
    EXPECT_EQ(daemon.wait(), 2);
    const std::string errors = daemon.errors();
    EXPECT_THAT(errors, StartsWith("vineyardd: "));
    EXPECT_THAT(errors, HasSubstr(bad.says));
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
    EXPECT_EQ(daemon.output(), "");
  }
  os::TestFolder folder_;
};

TEST_F(BadStarts, a_setting_that_is_none) {
  check({{"--sizee", "1Gi"}, {}, "--sizee"});
  check({{"start"}, {}, "start"});
  check({{"--config", "/no/such/file"}, {}, "/no/such/file"});
}
TEST_F(BadStarts, a_size_that_cannot_be) {
  check({{"--size", "lots"}, {}, "lots"});
  check({{"--size", "1Mi"}, {}, "at least 4.0 MiB"});
  check({{"--size", "900Ti"}, {}, "of memory of this machine"});
  check({{}, {"VINEYARD_SIZE=-3"}, "VINEYARD_SIZE"});
}
TEST_F(BadStarts, a_choice_that_is_none) {
  check({{"--prefault", "later"}, {}, "none, background, full"});
  check({{"--log", "xml"}, {}, "text, json"});
}
TEST_F(BadStarts, a_socket_where_none_can_be) {
  folder_.write("file", "x");
  std::filesystem::create_directory(folder_ / "directory");
  std::filesystem::create_symlink(folder_ / "file", folder_ / "link");
  check({{"--socket", folder_ / "missing/s"}, {}, "does not exist"});
  check({{"--socket", folder_ / "directory"}, {}, "is a directory"});
  check({{"--socket", folder_ / "file"}, {}, "is a file"});
  check({{"--socket", folder_ / "link"}, {}, "is a symbolic link"});
  check({{"--socket", "/tmp/" + std::string(120, 'x')}, {}, "bytes"});
}
TEST_F(BadStarts, a_socket_where_another_daemon_listens) {
  const auto other = os::listen_unix(folder_ / "s", 0600).value();
  check({{"--socket", folder_ / "s"}, {}, "already"});
}
TEST_F(BadStarts, a_state_directory_that_is_a_file) {
  folder_.write("file", "x");
  check({{"--state-dir", folder_ / "file"}, {}, "is not a directory"});
}
TEST_F(BadStarts, a_runtime_directory_that_others_can_write) {
  std::filesystem::create_directory(folder_ / "vineyard");
  ::chmod((folder_ / "vineyard").c_str(), 0777);
  check({{"--state-dir", folder_ / "state"}, {}, "can be written by others"});
}
TEST_F(BadStarts, a_worker_that_is_missing) {
  check({{}, {"VINEYARD_WORKER=/no/such/worker.so"}, "VINEYARD_WORKER"});
}
TEST_F(BadStarts, leave_no_socket_behind) {
  check({{"--socket", folder_ / "s"}, {"VINEYARD_WORKER=/no/such/worker.so"}, "VINEYARD_WORKER"});
  EXPECT_FALSE(std::filesystem::exists(folder_ / "s"));
}

}  // namespace
}  // namespace vineyard
