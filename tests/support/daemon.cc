// SPDX-License-Identifier: Apache-2.0
#include "daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace vineyard::testing {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> p;
  for (std::string& w : words) p.push_back(w.data());
  p.push_back(nullptr);
  return p;
}

}  // namespace

void wait_until(const char* what, bool (*condition)(void*), void* argument) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition(argument)) {
    if (std::chrono::steady_clock::now() > end) {
      std::fprintf(stderr, "waited a minute in vain: %s\n", what);
      std::abort();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Daemon::Daemon(std::vector<std::string> arguments, std::vector<std::string> environment) {
  char folder[] = "/tmp/vineyard-test-XXXXXX";
  if (mkdtemp(folder) == nullptr) std::abort();
  folder_ = folder;
  socket_ = folder_ + "/vineyard.sock";
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // what a take-over orphans comes to us, to be waited for
  std::vector<std::string> words = {VINEYARD_TEST_DAEMON, "--socket", socket_, "--state-dir",
                                    folder_ + "/state"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  environment.push_back(std::string("VINEYARD_WORKER=") + VINEYARD_TEST_WORKER);
  started_ = fork();
  if (started_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int log = open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, 2);
    for (std::string& e : environment) putenv(e.data());
    execv(words[0].c_str(), pointers(words).data());
    _exit(127);
  }
  // A socket file alone may not listen yet; a worker is forked only after it does.
  wait_for("the daemon's worker", [&] { return worker() != 0 || !running(); });
}

Daemon::~Daemon() {
  end_all();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Daemon::log() const {
  return read_file(folder_ + "/log");
}

pid_t Daemon::find(const char* role) const {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) continue;
    const std::string comm = read_file(entry.path() / "comm");
    if (comm != std::string(role) + "\n") continue;
    if (read_file(entry.path() / "cmdline").find(socket_) == std::string::npos) continue;
    if (read_file(entry.path() / "stat").find(") Z") != std::string::npos) continue;
    return pid;
  }
  return 0;
}

pid_t Daemon::supervisor() const {
  return find("vineyardd");
}
pid_t Daemon::worker() const {
  return find("vineyard-worker");
}
pid_t Daemon::standby() const {
  return find("vineyard-stdby");
}
bool Daemon::running() const {
  return kill(started_, 0) == 0 && waitpid(started_, nullptr, WNOHANG) == 0;
}

void Daemon::kill_worker() {
  pid_t old = 0;  // looked at once: 0 would be this process's whole group
  wait_for("a worker", [&] { return (old = worker()) != 0; });
  kill(old, SIGKILL);
  wait_for("the next worker", [&] { return worker() != 0 && worker() != old; });
}

void Daemon::kill_supervisor() {
  pid_t old = 0;
  wait_for("a standby", [&] { return standby() != 0 && (old = supervisor()) != 0; });
  kill(old, SIGKILL);
  waitpid(old, nullptr, 0);
  wait_for("the next supervisor and its standby", [&] {
    return supervisor() != 0 && supervisor() != old && standby() != 0 && worker() != 0;
  });
}

int Daemon::stop() {
  const pid_t pid = supervisor();
  if (pid != 0) kill(pid, SIGTERM);
  int status = 0;
  waitpid(pid == 0 ? started_ : pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<pid_t> Daemon::processes() const {
  std::vector<pid_t> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) continue;
    if (read_file(entry.path() / "cmdline").find(socket_) == std::string::npos) continue;
    all.push_back(pid);
  }
  return all;
}

// A clean stop first: whoever is killed one by one may be replaced by a process that no scan has seen yet. Then
// everything of this instance, until several scans in a row find nothing.
void Daemon::end_all() {
  if (const pid_t pid = supervisor(); pid != 0) kill(pid, SIGTERM);
  for (int round = 0, quiet = 0; round < 10000 && quiet < 20; ++round) {
    const std::vector<pid_t> left = processes();
    quiet = left.empty() ? quiet + 1 : 0;
    if (round > 3000) {  // a stop takes two seconds at most, when the worker is stopped
      for (pid_t pid : left) kill(pid, SIGKILL);
    }
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace vineyard::testing
