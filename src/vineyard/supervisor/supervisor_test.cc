// SPDX-License-Identifier: Apache-2.0
#include "vineyard/supervisor/supervisor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "vineyard/os/fd_passing.h"
#include "vineyard/os/file_system.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/poll.h"
#include "vineyard/os/shared_object.h"
#include "vineyard/os/test_child.h"
#include "vineyard/os/test_folder.h"

namespace vineyard::supervisor {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kPatienceMs = 60'000;  // how long a condition may take before the test gives up

template <class Condition>
bool eventually(Condition&& condition) {
  for (const std::int64_t deadline = os::monotonic_ms() + kPatienceMs;
       os::monotonic_ms() < deadline;) {
    if (condition()) return true;
    (void)os::wait_readable(os::BorrowedFd(-1), 1);
  }
  return false;
}

int g_log = -1;
void log_line(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  if (::write(g_log, text.data(), text.size()) < 0) return;
}

// A running instance with the test's worker. Whatever of it is left is ended with the object.
class Instance {
 public:
  explicit Instance(std::vector<std::string> arguments = {}) {
    ::prctl(PR_SET_CHILD_SUBREAPER,
            1);  // who loses its parent becomes ours, so that nothing is left over
    arguments.insert(arguments.begin(), "vineyardd");
    g_log = ::open((folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    first_pid_ = ::fork();
    if (first_pid_ != 0) return;
    Options options{.listener = os::listen_unix(socket(), 0600).value(),
                    .worker_library = os::open_shared_object(VINEYARD_TEST_WORKER).value(),
                    .region_size = 1_MiB,
                    .arguments = std::move(arguments),
                    .log = log_line};
    ::_exit(Supervisor::create(std::move(options)).value().run());
  }
  ~Instance() {
    end_all();
    ::close(g_log);
  }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  [[nodiscard]] std::string socket() const { return folder_ / "s"; }
  [[nodiscard]] std::string log() const { return os::read_small_file(folder_ / "log").value(); }
  [[nodiscard]] pid_t first_pid() const { return first_pid_; }

  os::UniqueFd connect() {
    os::UniqueFd connection;
    EXPECT_TRUE(eventually([&] {
      auto made = os::connect_unix(socket());
      if (made) connection = std::move(*made);
      return connection.valid();
    }));
    return connection;
  }
  // One question on a connection; empty: it was cut.
  static std::string ask_on(const os::UniqueFd& connection, const std::string& text) {
    if (!os::send_packet(connection, std::as_bytes(std::span(text)), {}, os::Wait::kYes)) return "";
    if (!os::wait_readable(connection, kPatienceMs).value()) return "no answer";
    char reply[4096];
    const auto packet =
        os::receive_packet(connection, std::as_writable_bytes(std::span(reply)), os::Wait::kNo);
    return packet ? std::string(reply, packet->size) : "";
  }
  // One question to whichever worker there is.
  std::string ask(const std::string& text) {
    std::string reply;
    EXPECT_TRUE(eventually([&] {
      reply = ask_on(connect(), text);
      return !reply.empty();
    }));
    return reply;
  }
  // A question that ends the worker or the instance.
  void tell(const std::string& text) { (void)ask_on(connect(), text); }

  struct Pids {
    pid_t supervisor = 0;
    pid_t standby = 0;
    pid_t worker = 0;
  };
  // The three processes, once there are three.
  Pids pids() {
    Pids found;
    EXPECT_TRUE(eventually([&] {
      std::istringstream reply(ask("pid"));
      reply >> found.worker >> found.supervisor;
      const std::vector<pid_t> children = children_of(found.supervisor);
      if (children.size() != 2 ||
          std::find(children.begin(), children.end(), found.worker) == children.end()) {
        return false;
      }
      found.standby = children[0] == found.worker ? children[1] : children[0];
      return true;
    }));
    return found;
  }
  static std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::ifstream file(entry.path() / "stat");
      std::string text;
      std::getline(file, text);
      const std::size_t end = text.rfind(')');
      if (end == std::string::npos) continue;
      std::istringstream rest(text.substr(end + 1));
      char state = 0;
      pid_t its_parent = 0;
      rest >> state >> its_parent;
      if (its_parent == parent && state != 'Z') found.push_back(std::stoi(name));
    }
    return found;
  }
  static std::size_t descriptors_of(pid_t pid) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
      ++count;
    }
    return count;
  }
  // A forked process closes what is not its own in its first moments.
  static bool has_descriptors(pid_t pid, std::size_t count) {
    return eventually([&] { return descriptors_of(pid) == count; });
  }
  // Kills a process of the instance and waits until it is gone.
  static void kill(pid_t pid) {
    const auto pidfd = os::open_pidfd(pid);
    if (!pidfd) return;
    (void)os::send_signal(*pidfd, SIGKILL);
    EXPECT_TRUE(os::wait_readable(*pidfd, kPatienceMs).value());
    ::waitpid(pid, nullptr, WNOHANG);
  }
  // Exit status of the process the instance was started as, or minus the signal.
  int wait() {
    int raw = 0;
    EXPECT_TRUE(eventually([&] { return ::waitpid(first_pid_, &raw, WNOHANG) == first_pid_; }));
    return WIFSIGNALED(raw) ? -WTERMSIG(raw) : WEXITSTATUS(raw);
  }

 private:
  static void add_descendants(pid_t parent, std::vector<pid_t>& found) {
    for (const pid_t child : children_of(parent)) {
      found.push_back(child);
      add_descendants(child, found);
    }
  }
  // Stops everything before it kills anything: a standby would take over again and again.
  static void end_all() {
    std::vector<pid_t> all;
    for (std::size_t known = 1; known != 0;) {
      known = all.size();
      all.clear();
      add_descendants(::getpid(), all);
      for (const pid_t pid : all) ::kill(pid, SIGSTOP);
      if (all.size() == known) break;
    }
    for (const pid_t pid : all) ::kill(pid, SIGKILL);
    EXPECT_TRUE(eventually([] {
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
      return children_of(::getpid()).empty();
    }));
  }

  os::TestFolder folder_;
  pid_t first_pid_ = 0;
};

TEST(Supervisor, starts_a_standby_and_then_a_worker_with_its_arguments) {
  Instance instance({"--greeting", "hello"});
  const auto pids = instance.pids();
  EXPECT_EQ(pids.supervisor, instance.first_pid());
  EXPECT_EQ(instance.ask("argv 2"), "hello");
  EXPECT_EQ(instance.ask("state"), "1 0 0 0");
  EXPECT_THAT(instance.log(), HasSubstr("worker " + std::to_string(pids.worker) + " started"));
}
TEST(Supervisor, what_is_held_survives_the_worker) {
  Instance instance;
  const auto before = instance.pids();
  EXPECT_EQ(instance.ask("hold 2 5"), "ok");
  EXPECT_EQ(instance.ask("hold 4 6"), "ok");
  EXPECT_EQ(instance.ask("hold 5 7"), "ok");
  const std::string list = instance.ask("list");
  EXPECT_EQ(list, "2:5:6:7:65536 4:6:7:8:65536 5:7:8:9:65536 ");
  Instance::kill(before.worker);
  EXPECT_EQ(instance.ask("list"), list);
  const auto after = instance.pids();
  EXPECT_NE(after.worker, before.worker);
  EXPECT_EQ(after.supervisor, before.supervisor);
  EXPECT_EQ(after.standby, before.standby);
  EXPECT_THAT(instance.log(), HasSubstr("worker " + std::to_string(before.worker) +
                                        " ended by signal 9, starting another"));
}
TEST(Supervisor, every_later_worker_can_write_a_sealed_home_arena) {
  Instance instance;
  EXPECT_EQ(instance.ask("hold 5 7"), "ok");
  EXPECT_EQ(instance.ask("peek 7"), "70");
  for (int value = 100; value < 103; ++value) {
    EXPECT_EQ(instance.ask("poke 7 " + std::to_string(value)), "ok");
    Instance::kill(instance.pids().worker);
    EXPECT_EQ(instance.ask("peek 7"), std::to_string(value));
  }
}
TEST(Supervisor, a_held_connection_never_breaks) {
  Instance instance;
  const os::UniqueFd connection = instance.connect();
  EXPECT_EQ(Instance::ask_on(connection, "keep 1"), "ok");
  Instance::kill(instance.pids().worker);
  EXPECT_EQ(Instance::ask_on(connection, "list"), "1:1:7:8:0 ");
  Instance::kill(instance.pids().supervisor);
  EXPECT_EQ(Instance::ask_on(connection, "list"), "1:1:7:8:0 ");
}
TEST(Supervisor, holding_again_replaces_and_dropping_forgets_everywhere) {
  Instance instance;
  const auto pids = instance.pids();
  EXPECT_EQ(instance.ask("hold 5 7"), "ok");
  const std::size_t in_supervisor = Instance::descriptors_of(pids.supervisor);
  const std::size_t in_standby = Instance::descriptors_of(pids.standby);
  EXPECT_EQ(instance.ask("hold 5 7"), "ok");
  EXPECT_EQ(Instance::descriptors_of(pids.supervisor), in_supervisor);
  EXPECT_EQ(Instance::descriptors_of(pids.standby), in_standby);
  EXPECT_EQ(instance.ask("drop 5 7"), "ok");
  EXPECT_EQ(instance.ask("drop 5 99"), "ok");
  EXPECT_EQ(Instance::descriptors_of(pids.supervisor), in_supervisor - 1);
  EXPECT_EQ(Instance::descriptors_of(pids.standby), in_standby - 1);
  Instance::kill(pids.worker);
  EXPECT_EQ(instance.ask("list"), "nothing");
  Instance::kill(pids.supervisor);
  EXPECT_EQ(instance.ask("list"), "nothing");
}

TEST(Standby, a_dead_one_is_replaced_and_its_successor_knows_all) {
  Instance instance;
  EXPECT_EQ(instance.ask("hold 5 7"), "ok");
  const auto before = instance.pids();
  const std::size_t descriptors = Instance::descriptors_of(before.standby);
  Instance::kill(before.standby);
  const auto after = instance.pids();
  EXPECT_NE(after.standby, before.standby);
  EXPECT_EQ(after.worker, before.worker);
  // Forked beside a running worker, it holds no end of the worker's socket, and nothing else more
  // than the first.
  EXPECT_TRUE(Instance::has_descriptors(after.standby, descriptors));
  EXPECT_EQ(instance.ask("hold 2 8"), "ok");
  Instance::kill(after.supervisor);
  EXPECT_EQ(instance.ask("list"), "2:8:9:10:65536 5:7:8:9:65536 ");
  EXPECT_EQ(instance.ask("poke 7 1000"), "ok");
}
TEST(Standby, takes_over_when_the_supervisor_dies) {
  Instance instance;
  EXPECT_EQ(instance.ask("hold 5 7"), "ok");
  EXPECT_EQ(instance.ask("poke 7 123"), "ok");
  const auto before = instance.pids();
  Instance::kill(before.supervisor);
  const auto after = instance.pids();
  EXPECT_EQ(after.supervisor, before.standby);
  EXPECT_NE(after.worker, before.worker);
  EXPECT_EQ(instance.ask("peek 7"), "123");
  // The region is the same; no worker ever ran beside its predecessor, or without a standby.
  EXPECT_EQ(instance.ask("state"), "2 0 0 0");
  EXPECT_THAT(instance.log(),
              HasSubstr("supervisor " + std::to_string(before.supervisor) + " ended, standby " +
                        std::to_string(before.standby) + " takes over"));
}
TEST(Standby, the_new_standby_comes_before_the_next_worker) {
  Instance instance;
  const auto before = instance.pids();
  Instance::kill(before.supervisor);
  const auto after = instance.pids();
  const std::string log = instance.log();
  const std::size_t take_over = log.find("takes over");
  const std::size_t standby = log.find("standby " + std::to_string(after.standby) + " started");
  const std::size_t worker = log.find("worker " + std::to_string(after.worker) + " started");
  ASSERT_NE(worker, std::string::npos);
  EXPECT_LT(take_over, standby);
  EXPECT_LT(standby, worker);
}
TEST(Standby, ignores_the_signals_that_stop_an_instance) {
  Instance instance;
  const auto before = instance.pids();
  ::kill(before.standby, SIGTERM);
  ::kill(before.standby, SIGINT);
  ::kill(before.standby, SIGHUP);
  ::kill(before.worker, SIGINT);
  ::kill(before.worker, SIGHUP);
  ::kill(before.supervisor, SIGHUP);
  EXPECT_EQ(instance.ask("hold 2 1"), "ok");  // which the standby answered
  EXPECT_EQ(instance.pids().standby, before.standby);
  EXPECT_EQ(instance.pids().worker, before.worker);
  Instance::kill(before.supervisor);  // and no old signal stops it once it is the supervisor
  EXPECT_EQ(instance.ask("list"), "2:1:2:3:65536 ");
  EXPECT_EQ(instance.pids().supervisor, before.standby);
}
TEST(Standby, one_that_is_stopped_is_replaced_and_holds_up_the_worker_only_so_long) {
  Instance instance;
  const auto before = instance.pids();
  ::kill(before.standby, SIGSTOP);
  EXPECT_EQ(instance.ask("hold 2 1"), "ok");
  EXPECT_NE(instance.pids().standby, before.standby);
  Instance::kill(before.supervisor);
  EXPECT_EQ(instance.ask("list"), "2:1:2:3:65536 ");
}

TEST(Supervisor, any_of_the_three_may_be_killed_again_and_again_and_nothing_leaks) {
  Instance instance;
  for (int number = 1; number <= 4; ++number)
    EXPECT_EQ(instance.ask("hold 5 " + std::to_string(number)), "ok");
  const std::string list = instance.ask("list");
  const auto first = instance.pids();
  const std::size_t in_supervisor = Instance::descriptors_of(first.supervisor);
  const std::size_t in_standby = Instance::descriptors_of(first.standby);
  Instance::kill(first.worker);
  const std::string in_worker = instance.ask("fds");  // of one that inherited what is held
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (std::uint64_t round = 1; round <= 40; ++round) {
    const auto pids = instance.pids();
    const pid_t victims[] = {pids.supervisor, pids.standby, pids.worker};
    Instance::kill(victims[random() % 3]);
    ASSERT_EQ(instance.ask("list"), list);
    ASSERT_EQ(instance.ask("poke 3 " + std::to_string(round + 1000)), "ok");
    ASSERT_EQ(instance.ask("peek 3"), std::to_string(round + 1000));
  }
  const auto last = instance.pids();
  EXPECT_TRUE(Instance::has_descriptors(last.supervisor, in_supervisor));
  EXPECT_TRUE(Instance::has_descriptors(last.standby, in_standby));
  EXPECT_EQ(instance.ask("fds"), in_worker);
  std::istringstream state(instance.ask("state"));
  std::uint64_t starts = 0;
  std::uint64_t two_workers = 1;
  state >> starts >> two_workers;
  EXPECT_EQ(two_workers, 0U);
}

TEST(Supervisor, tells_the_next_worker_whether_the_last_one_died_of_a_fault) {
  Instance instance;
  instance.tell("abort");
  EXPECT_EQ(instance.ask("state"), "2 0 0 1");
  Instance::kill(instance.pids().worker);
  EXPECT_EQ(instance.ask("state"), "3 0 0 0");
  instance.tell("abort");
  EXPECT_EQ(instance.ask("state"), "4 0 0 1");
  Instance::kill(instance.pids().supervisor);  // never across a take-over
  EXPECT_EQ(instance.ask("state"), "5 0 0 0");
}
TEST(Supervisor, a_worker_that_keeps_dying_is_started_again_with_growing_delay) {
  Instance instance({"--five-quick-deaths"});
  EXPECT_EQ(instance.ask("state"), "6 0 0 0");
  const std::string log = instance.log();
  EXPECT_THAT(log,
              HasSubstr("exited with status 3, starting another\n"));  // the first time at once
  EXPECT_THAT(log, ::testing::ContainsRegex("starting another in [0-9]+ ms"));
}
TEST(Supervisor, an_instance_whose_first_worker_cannot_start_ends_with_its_status) {
  Instance instance({"--cannot-start"});
  EXPECT_EQ(instance.wait(), kExitCannotStart);
  EXPECT_FALSE(std::filesystem::exists(instance.socket()));
}
TEST(Supervisor, a_later_worker_that_cannot_start_is_a_death_like_any_other) {
  Instance instance({"--second-cannot-start"});
  instance.tell("exit 0");
  EXPECT_EQ(instance.ask("state"), "3 0 0 0");
}

void expect_nothing_left(Instance& instance) {
  EXPECT_TRUE(eventually([] {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    return Instance::children_of(::getpid()).empty();
  }));
  EXPECT_FALSE(std::filesystem::exists(instance.socket()));
  EXPECT_FALSE(std::filesystem::exists(instance.socket() + ".lock"));
}

TEST(Stop, sigterm_ends_all_three_and_removes_the_socket) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Instance instance;
    const auto pids = instance.pids();
    ::kill(pids.supervisor, signal);
    EXPECT_EQ(instance.wait(), 0);
    expect_nothing_left(instance);
    EXPECT_THAT(instance.log(), Not(HasSubstr("takes over")));
  }
}
TEST(Stop, works_after_a_take_over_too) {
  Instance instance;
  Instance::kill(instance.pids().supervisor);
  const auto pids = instance.pids();
  ::kill(pids.supervisor, SIGTERM);
  expect_nothing_left(instance);
  EXPECT_THAT(instance.log(), HasSubstr("stopped"));
}
TEST(Stop, the_worker_can_ask_for_it) {
  Instance instance;
  instance.pids();
  instance.tell("stop");
  EXPECT_EQ(instance.wait(), 0);
  expect_nothing_left(instance);
}
TEST(Stop, a_worker_that_does_not_end_is_killed) {
  Instance instance;
  EXPECT_EQ(instance.ask("ignore-term"), "ok");
  ::kill(instance.pids().supervisor, SIGTERM);
  EXPECT_EQ(instance.wait(), 0);
  expect_nothing_left(instance);
}
TEST(Stop, a_socket_left_by_an_instance_that_was_killed_whole_is_taken_over_by_the_next) {
  const os::TestFolder folder;
  auto first = os::listen_unix(folder / "s", 0600).value();
  first.lock.reset();
  first.socket.reset();
  EXPECT_TRUE(os::listen_unix(folder / "s", 0600));
}

TEST(Supervisor, refuses_messages_that_make_no_sense_and_goes_on) {
  Instance instance;
  EXPECT_EQ(instance.ask("nonsense"), "refused");
  EXPECT_EQ(instance.ask("no-descriptor"), "refused");
  EXPECT_EQ(instance.ask("own-pidfd"), "refused");
  EXPECT_EQ(instance.ask("hold 2 1"), "ok");
}

}  // namespace
}  // namespace vineyard::supervisor
