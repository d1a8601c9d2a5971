// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <string>

#include "vineyard/base/try.h"
#include "vineyard/os/syscall.h"

namespace vineyard::os {
namespace {

std::int64_t clock_ms(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

ExitStatus exit_status_of(int raw) {
  if (WIFSIGNALED(raw)) return {.signal = WTERMSIG(raw), .status = 0};
  return {.signal = 0, .status = WEXITSTATUS(raw)};
}

Result<std::optional<ExitStatus>> wait_for(pid_t pid, int flags) {
  int raw = 0;
  const pid_t ended = retry_on_eintr([&] { return ::waitpid(pid, &raw, flags); });
  if (ended < 0) return os_error("waitpid", errno, std::to_string(pid));
  if (ended == 0) return std::optional<ExitStatus>();
  return std::optional(exit_status_of(raw));
}

// Entries of a folder of /proc, without `.` and `..`.
Result<unsigned> count_entries(const char* path) {
  DIR* folder = ::opendir(path);
  if (folder == nullptr) return os_error("opendir", errno, path);
  unsigned count = 0;
  while (const dirent* entry = ::readdir(folder)) count += entry->d_name[0] != '.' ? 1 : 0;
  ::closedir(folder);
  return count;
}

void unblock(int signal) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace

Result<pid_t> fork_process() {
  const pid_t pid = ::fork();
  if (pid < 0) return os_error("fork", errno);
  return pid;
}

void exit_now(int status) {
  ::_exit(status);
}

Result<UniqueFd> open_pidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) return os_error("pidfd_open", errno, std::to_string(pid));
  return fd;
}

Result<void> send_signal(BorrowedFd pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0) return {};
  return os_error("pidfd_send_signal", errno, std::to_string(signal));
}

void send_signal_to_child(pid_t pid, int signal) {
  ::kill(pid, signal);
}

Result<ExitStatus> wait_child(pid_t pid) {
  VY_TRY(const std::optional<ExitStatus> status, wait_for(pid, 0));
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): without WNOHANG there is one
  return *status;
}

Result<std::optional<ExitStatus>> poll_child(pid_t pid) {
  return wait_for(pid, WNOHANG);
}

Result<void> set_parent_death_signal(int signal, pid_t expected_parent) {
  if (::prctl(PR_SET_PDEATHSIG, signal) != 0) return os_error("prctl", errno, "PR_SET_PDEATHSIG");
  if (signal != 0 && ::getppid() != expected_parent) {
    return Error(ErrorCode::kUnavailable,
                 "process " + std::to_string(expected_parent) + " has ended already");
  }
  return {};
}

Result<void> set_no_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return os_error("prctl", errno, "PR_SET_NO_NEW_PRIVS");
  return {};
}

Result<void> disable_core_dumps() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return os_error("setrlimit", errno, "RLIMIT_CORE");
  return {};
}

std::uint64_t descriptors_left() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const int lowest = ::open("/", O_PATH | O_CLOEXEC);
  if (lowest < 0) return 0;
  ::close(lowest);
  const auto used = static_cast<rlim_t>(lowest);
  return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

Result<std::uint64_t> raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return os_error("getrlimit", errno, "RLIMIT_NOFILE");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return os_error("setrlimit", errno, "RLIMIT_NOFILE");
  return static_cast<std::uint64_t>(limit.rlim_cur);
}

void set_process_name(const char* name) {
  ::prctl(PR_SET_NAME, name, 0, 0, 0);
}

Result<unsigned> thread_count() {
  return count_entries("/proc/self/task");
}

Result<unsigned> descriptor_count() {
  VY_TRY(const unsigned count, count_entries("/proc/self/fd"));
  return count - 1;  // the folder itself was open
}

pid_t process_id() {
  return ::getpid();
}
pid_t parent_process_id() {
  return ::getppid();
}
uid_t effective_user_id() {
  return ::geteuid();
}

std::int64_t monotonic_ms() {
  return clock_ms(CLOCK_MONOTONIC);
}

std::int64_t wall_clock_ms() {
  return clock_ms(CLOCK_REALTIME_COARSE);
}

Result<UniqueFd> open_signal_fd(std::initializer_list<int> signals) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals) ::sigaddset(&set, signal);
  if (const int reason = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); reason != 0) {
    return os_error("pthread_sigmask", reason);
  }
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return os_error("signalfd", errno);
  return fd;
}

Result<std::optional<int>> read_signal(BorrowedFd signal_fd) {
  signalfd_siginfo info{};
  const ssize_t size = retry_on_eintr([&] { return ::read(signal_fd.get(), &info, sizeof info); });
  if (size < 0 && errno == EAGAIN) return std::optional<int>();
  if (size != sizeof info) return os_error("read", size < 0 ? errno : EIO, "signalfd");
  return std::optional<int>(static_cast<int>(info.ssi_signo));
}

void ignore_signal(int signal) {
  ::signal(signal, SIG_IGN);  // drops one that waits
  unblock(signal);
}

void restore_signal(int signal) {
  ::signal(signal, SIG_DFL);
  unblock(signal);
}

}  // namespace vineyard::os
