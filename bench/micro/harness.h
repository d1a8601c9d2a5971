// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace vineyard::bench {

/// Seconds on a clock that only goes forward.
[[nodiscard]] double now();

/// A line of the table: ours against a limit of the same run.
struct Row {
  enum class Better : std::uint8_t { kSmaller, kLarger };

  std::string number{};  // as in the README
  std::string work{};
  std::string unit{};  // ns, us, GB/s, ...
  std::function<double()> ours{};
  std::function<double()> limit{};
  std::string limit_name{};
  double factor = 1;  // smaller: ours <= factor * limit + allowance; larger: ours >= factor * limit
  double allowance = 0;
  Better better = Better::kSmaller;
  int rounds = 5;
  std::function<void()> before{};  // once
  std::function<void()> after{};
};

/// Measures rows one after the other, prints each as a line, and counts misses.
///
/// Owner:   main.
/// Threads: one.
/// Always:  a verdict is given only when the anchor moved by at most 30 % between rounds.
class Table {
 public:
  explicit Table(std::string only) : only_(std::move(only)) {}
  void head() const;
  void run(const Row& row);
  [[nodiscard]] int missed() const { return missed_; }
  [[nodiscard]] const std::vector<std::string>& json() const { return json_; }

 private:
  std::string only_{};
  int missed_ = 0;
  std::vector<std::string> json_;
};

[[nodiscard]] double median(std::vector<double> values);
/// Best of `tries` timings of f, divided by `operations`, in seconds.
[[nodiscard]] double best_time(int tries, double operations, const std::function<void()>& f);

/// Binds this process to one core (-1: to all).
void run_on(int core);

/// A daemon of the bench's own, with its state in a temporary folder; ended by pid.
///
/// Owner:   main.
/// Threads: one.
/// Always:  the destructor leaves no process and no file behind.
class Daemon {
 public:
  explicit Daemon(const std::vector<std::string>& arguments);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] int pid() const { return pid_; }

 private:
  std::string folder_{};
  std::string socket_{};
  int pid_ = -1;
};

}  // namespace vineyard::bench
