// SPDX-License-Identifier: Apache-2.0
#include "harness.h"

#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace vineyard::bench {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double best_time(int tries, double operations, const std::function<void()>& f) {
  double best = 1e30;
  for (int n = 0; n < tries; ++n) {
    const double begin = now();
    f();
    best = std::min(best, now() - begin);
  }
  return best / operations;
}

void run_on(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int c = 0; c < static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)); ++c) {
    if (core < 0 || c == core) CPU_SET(c, &set);
  }
  sched_setaffinity(0, sizeof set, &set);
}

void Table::head() const {
  fmt::print("{:<5} {:<46} {:>12} {:>12} {:>7} {:>18}  {}\n", "row", "work", "ours", "limit",
             "ratio", "bar", "verdict");
}

void Table::run(const Row& row) {
  if (!only_.empty() && only_ != row.number) return;
  if (row.before) row.before();
  std::vector<double> ours, limits;
  for (int n = 0; n < row.rounds; ++n) {
    limits.push_back(row.limit());
    ours.push_back(row.ours());
  }
  if (row.after) row.after();
  const double mine = median(ours), limit = median(limits);
  const auto [low, high] = std::minmax_element(limits.begin(), limits.end());
  const bool noisy = *low > 0 && *high / *low > 1.3;
  const bool smaller = row.better == Row::Better::kSmaller;
  const bool met =
      smaller ? mine <= row.factor * limit + row.allowance : mine >= row.factor * limit;
  const char* verdict = met ? "met" : noisy ? "noisy" : "MISSED";
  if (!met && !noisy) ++missed_;
  const std::string bar =
      row.allowance > 0
          ? fmt::format("{} {:g}x + {:g}", smaller ? "<=" : ">=", row.factor, row.allowance)
          : fmt::format("{} {:g}x", smaller ? "<=" : ">=", row.factor);
  fmt::print("{:<5} {:<46} {:>12} {:>12} {:>7.2f} {:>18}  {}{}  [{}]\n", row.number, row.work,
             fmt::format("{:.4g} {}", mine, row.unit), fmt::format("{:.4g}", limit),
             limit > 0 ? mine / limit : 0.0, bar, verdict, met && noisy ? " (noisy)" : "",
             row.limit_name);
  std::fflush(stdout);
  json_.push_back(fmt::format(
      R"({{"row":"{}","work":"{}","unit":"{}","ours":{:.6g},"limit":{:.6g},"limit_name":"{}","factor":{:g},"met":{},"noisy":{}}})",
      row.number, row.work, row.unit, mine, limit, row.limit_name, row.factor, met, noisy));
}

Daemon::Daemon(const std::vector<std::string>& arguments) {
  char folder[] = "/tmp/vineyard-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) std::exit(2);
  folder_ = folder;
  socket_ = folder_ + "/vineyard.sock";
  const char* program = std::getenv("VINEYARD_DAEMON");
  std::vector<std::string> words = {program ? program : VINEYARD_DAEMON_DEFAULT, "--socket",
                                    socket_, "--state-dir", folder_};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    execv(argv[0], argv.data());
    std::perror(argv[0]);
    _exit(127);
  }
  struct stat found;
  for (int n = 0; n < 5000 && stat(socket_.c_str(), &found) != 0; ++n) usleep(1000);
}

Daemon::~Daemon() {
  if (pid_ > 0) {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace vineyard::bench
