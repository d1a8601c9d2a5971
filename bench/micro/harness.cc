// SPDX-License-Identifier: Apache-2.0
#include "harness.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace vineyard::bench {
namespace {

constexpr std::size_t kRounds = 5;
constexpr double kStill = 1.3;        // how far the anchor may move
constexpr double kUndisturbed = 0.2;  // share of the time in which somebody waited for a core

// Seconds in which at least one task of this machine waited for a core; 0 where the kernel does not
// say.
double waited_for_core() {
  std::ifstream pressure("/proc/pressure/cpu");
  for (std::string word; pressure >> word && word != "full";) {
    if (word.starts_with("total=")) return std::stod(word.substr(6)) * 1e-6;
  }
  return 0;
}

double spread(std::span<const double> values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *low > 0 ? *high / *low : 1;
}

std::string bar_of(const Row& row) {
  const char* sign = row.better == Row::Better::kSmaller ? "<=" : ">=";
  if (row.allowance > 0) return fmt::format("{} {:g}x + {:g}", sign, row.factor, row.allowance);
  return fmt::format("{} {:g}x", sign, row.factor);
}

}  // namespace

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double time_pieces(std::size_t operations, std::size_t piece,
                   const std::function<void(std::size_t, std::size_t)>& f) {
  std::vector<double> times;
  for (std::size_t at = 0; at < operations; at += piece) {
    const std::size_t end = std::min(at + piece, operations);
    if (end - at < piece && at != 0) break;
    const double begin = now();
    f(at, end);
    times.push_back((now() - begin) / static_cast<double>(end - at));
  }
  return median(std::move(times));
}

void run_on(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int c = 0; c < static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)); ++c) {
    if (core < 0 || c == core) CPU_SET(c, &set);
  }
  sched_setaffinity(0, sizeof set, &set);
}

void give_up(const char* what, const Error& error) {
  fmt::print(stderr, "bench: {}: {}\n", what, error.message());
  std::exit(2);
}

// ---- the table

void Table::head() const {
  fmt::print("{:<4} {:<44} {:>12} {:>9} {:>7} {:>11}  {}\n", "row", "work", "ours", "limit",
             "ratio", "bar", "verdict");
}

bool Table::wants(std::span<const std::string_view> numbers) const {
  return only_.empty() || std::ranges::any_of(numbers, [&](std::string_view n) {
           return n == only_ || (n.starts_with(only_) && !std::isdigit(n[only_.size()]));
         });
}

void Table::run(const Row& row) {
  const std::string_view number = row.number;
  if (!wants(std::span(&number, 1))) return;
  const bool rounds = row.measure == Row::Measure::kTimed;
  const std::size_t window = rounds ? kRounds : 1;
  const int most = rounds ? row.most_rounds : 1;
  std::vector<double> ours, limits;
  std::size_t calmest = 0;
  const double begin = now(), waited = waited_for_core();
  for (int n = 0; n < most; ++n) {
    limits.push_back(row.limit());
    ours.push_back(row.ours());
    if (limits.size() < window) continue;
    const std::size_t at = limits.size() - window;
    const auto part = std::span(limits).subspan(at, window);
    if (spread(part) < spread(std::span(limits).subspan(calmest, window))) calmest = at;
    if (spread(part) <= kStill) break;
  }
  const double busy = (waited_for_core() - waited) / (now() - begin);
  const auto at = static_cast<std::ptrdiff_t>(calmest);
  const auto width = static_cast<std::ptrdiff_t>(window);
  const std::vector<double> calm(limits.begin() + at, limits.begin() + at + width);
  const double limit = median(calm);
  const double mine = median(std::vector(ours.begin() + at, ours.begin() + at + width));
  const bool met = row.better == Row::Better::kSmaller ? mine <= row.factor * limit + row.allowance
                                                       : mine >= row.factor * limit;
  // A busy machine slows the anchor too, so nothing is met on one either.
  const bool noisy =
      row.measure != Row::Measure::kCounted && (spread(calm) > kStill || busy > kUndisturbed);
  print(row, mine, limit, noisy ? "noisy" : met ? "met" : "missed");
}

void Table::fail(const Row& row, const std::string& reason) {
  const std::string_view number = row.number;
  if (!wants(std::span(&number, 1))) return;
  fmt::print("{:<4} {}: {}\n", row.number, row.work, reason);
  print(row, 0, row.limit(), "missed");
}

void Table::print(const Row& row, double ours, double limit, const std::string& verdict) {
  if (verdict == "missed") ++missed_;
  const double ratio = limit > 0 ? ours / limit : 0.0;
  fmt::print("{:<4} {:<44} {:>12} {:>9} {:>7.2f} {:>11}  {}  [{}]\n", row.number, row.work,
             fmt::format("{:.4g} {}", ours, row.unit), fmt::format("{:.4g}", limit), ratio,
             bar_of(row), verdict, row.limit_name);
  std::fflush(stdout);
  json_.push_back(fmt::format(
      R"({{"row":"{}","what":"{}","ours":{:.6g},"limit":{:.6g},"ratio":{:.4g},"bar":"{} {}","verdict":"{}","unit":"{}"}})",
      row.number, row.work, ours, limit, ratio, bar_of(row), row.limit_name, verdict, row.unit));
}

// ---- the daemon

Daemon::Daemon(const std::vector<std::string>& arguments) {
  folder_ = "/tmp/vineyard-bench-" + std::string(6, 'X');  // mkdtemp puts its own letters there
  if (mkdtemp(folder_.data()) == nullptr) std::exit(2);
  socket_ = folder_ + "/vineyard.sock";
  const char* program = std::getenv("VINEYARD_DAEMON");
  std::vector<std::string> words = {program ? program : VINEYARD_DAEMON_DEFAULT, "--socket",
                                    socket_, "--state-dir", folder_};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  std::fflush(stdout);
  pid_ = fork();
  if (pid_ == 0) {
    const int log = open((folder_ + "/log").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // also when the bench is killed
    execv(argv[0], argv.data());
    std::perror(argv[0]);
    _exit(127);
  }
  for (int n = 0; n < 5000 && !Client::connect({.socket = socket_}); ++n) usleep(1000);
}

Daemon::~Daemon() {
  if (pid_ > 0) {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Client Daemon::connect() const {
  return must(Client::connect({.socket = socket_}), "connect");
}

}  // namespace vineyard::bench
