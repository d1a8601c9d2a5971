// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "vineyard/client.h"

namespace vineyard::bench {

/// Seconds on a clock that only goes forward.
[[nodiscard]] double now();

/// A line of the table: ours against a limit of the same run.
struct Row {
  enum class Better : std::uint8_t { kSmaller, kLarger };
  enum class Measure : std::uint8_t { kTimed, kTimedOnce, kCounted };  // rounds; one; no clock

  std::string number{};  // as in the README
  std::string work{};
  std::string unit{};  // ns, us, GB/s, ...
  std::function<double()> ours{};
  std::function<double()> limit{};
  std::string limit_name{};
  double factor = 1;  // smaller: ours <= factor * limit + allowance; larger: ours >= factor * limit
  double allowance = 0;
  Better better = Better::kSmaller;
  Measure measure = Measure::kTimed;
  int most_rounds = 15;
};

/// Measures rows one after the other, prints each as a line, and counts verdicts.
///
/// Owner:   main.
/// Threads: one.
/// Always:  figures are medians of consecutive rounds in which the anchor moved by at most 30 %. When
///          there are no such rounds, or somebody waited for a core for much of the time, there is no
///          verdict but `noisy`.
class Table {
 public:
  explicit Table(std::string only) : only_(std::move(only)) {}
  void head() const;
  /// Whether one of these rows is asked for: what they need is set up only then.
  [[nodiscard]] bool wants(std::span<const std::string_view> numbers) const;
  void run(const Row& row);
  /// A row that cannot be timed: it is missed for this reason.
  void fail(const Row& row, const std::string& reason);
  [[nodiscard]] int missed() const { return missed_; }
  [[nodiscard]] const std::vector<std::string>& json() const { return json_; }

 private:
  void print(const Row& row, double ours, double limit, const std::string& verdict);
  std::string only_{};
  int missed_ = 0;
  std::vector<std::string> json_;
};

[[nodiscard]] double median(std::vector<double> values);
/// Seconds for each operation: the median over pieces of `piece` operations, so that a piece in which
/// the core was taken away counts as one piece. `f(begin, end)` does the operations of that range.
/// Costs that come once in more than `piece` operations would be left out: `piece` spans them.
[[nodiscard]] double time_pieces(std::size_t operations, std::size_t piece,
                                 const std::function<void(std::size_t, std::size_t)>& f);

/// Binds this process to one core (-1: to all).
void run_on(int core);

/// Ends the bench with what failed.
[[noreturn]] void give_up(const char* what, const Error& error);
template <class T>
T must(Result<T> r, const char* what) {
  if (!r) give_up(what, r.error());
  return *std::move(r);
}
inline void must(Result<void> r, const char* what) {
  if (!r) give_up(what, r.error());
}

/// A daemon of the bench's own, with its state in a temporary folder; ended by pid.
///
/// Owner:   whoever measures.
/// Threads: one.
/// Always:  takes connections once constructed; the destructor leaves no process and no file behind.
class Daemon {
 public:
  explicit Daemon(const std::vector<std::string>& arguments);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  [[nodiscard]] const std::string& socket() const { return socket_; }
  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] Client connect() const;

 private:
  std::string folder_{};
  std::string socket_{};
  int pid_ = -1;
};

[[nodiscard]] inline std::span<const std::byte> bytes_of(const std::vector<char>& v) {
  return std::as_bytes(std::span(v));
}

}  // namespace vineyard::bench
