// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "attacker.h"
#include "daemon_watch.h"

// The attacks as rows of the scorecard. Each prints its row and says whether it is as promised.
namespace vineyard::hostile {

struct Options {
  std::string socket;
  std::uint64_t pid = 0;  // of the supervisor
  std::uint64_t frames = 1'000'000;
  std::uint64_t idle = 1'000;
  std::uint64_t seed = 1;
  std::uint64_t patience_ms = 1'000;  // within this time everything is answered or closed
};

/// The daemon under attack, seen by an innocent client and from outside.
///
/// Owner:   who attacks.
/// Threads: one.
/// Always:  the innocent client has joined, once `start` has said so.
class Target {
 public:
  explicit Target(Options options);

  /// False: nobody answers there.
  [[nodiscard]] bool start();
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const DaemonWatch& watch() const { return watch_; }
  [[nodiscard]] Attacker attacker() const;
  [[nodiscard]] std::uint64_t innocent_serial() { return innocent_.facts().serial; }

  /// Whether all processes run and the innocent client is answered.
  [[nodiscard]] bool well();
  /// What the processes use once nothing comes or goes any more.
  [[nodiscard]] Usage at_rest();
  /// Writes down that something was not as promised.
  void fail(const std::string& what);
  [[nodiscard]] int failures() const { return failures_; }
  /// Ends a row: waits until what was used has come back, judges, and prints.
  [[nodiscard]] bool finish_row(const std::string& row, const Usage& before,
                                std::int64_t slowest_ms);

 private:
  Options options_;
  DaemonWatch watch_;
  Attacker innocent_;
  int failures_ = 0;
};

/// S1: mutated frames, before and after Join.
[[nodiscard]] bool attack_with_frames(Target& target);
/// S2: messages that somebody thought of.
[[nodiscard]] bool attack_with_cases(Target& target);
/// S4: connections that do not join, and those that send only the start of a message.
[[nodiscard]] bool attack_with_silence(Target& target);

}  // namespace vineyard::hostile
