// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vineyard/base/log.h"
#include "vineyard/base/result.h"
#include "vineyard/base/units.h"
#include "vineyard/os/cgroup.h"

// What a user may decide about a daemon. Parsed by vineyardd; each worker parses what vineyardd
// decided.
namespace vineyard::settings {

enum class Reserve : std::uint8_t { kOff, kOn };
enum class Prefault : std::uint8_t { kNone, kBackground, kFull };
enum class Life : std::uint8_t { kUntilStopped, kUntilIdle };
using vineyard::LogFormat;

/// All settings of a daemon, checked.
struct Settings {
  enum class Action : std::uint8_t { kServe, kPrintText } action = Action::kServe;
  std::string text;        // kPrintText: the help or version asked for
  ByteCount pool_size;     // as asked for or by default; what is possible after fit_pool
  ByteCount asked_size;    // before fit_pool
  std::string clamped_by;  // what made it smaller, for the log; empty: nothing
  std::string socket;
  std::string state_dir;
  Reserve reserve = Reserve::kOn;
  Prefault prefault = Prefault::kBackground;
  Life life = Life::kUntilStopped;
  LogFormat log = LogFormat::kText;
};

/// Reads flags, then the environment (VINEYARD_SIZE, VINEYARD_SOCKET, ...), then the TOML file of
/// --config: the first that says something counts. Creates nothing.
/// Errors: invalid: one line that says which setting, what it was, and what it may be.
[[nodiscard]] Result<Settings> parse_settings(int argc, char* const* argv);

/// Makes the pool fit what this process may use now: past a control group's limit the kernel kills.
/// Done once, by vineyardd before anything is touched; later the pool itself is part of what is in
/// use.
/// Errors: invalid (too small, also after clamping; larger than the machine's memory).
[[nodiscard]] Result<void> fit_pool(Settings& settings, const os::MemoryLimits& limits);

/// The arguments for workers, which may start much later: each setting as vineyardd decided it.
[[nodiscard]] std::vector<std::string> arguments_for_worker(const std::string& program,
                                                            const Settings& settings);

/// The size of a pool that nobody chose: 30 % of what this process may use.
[[nodiscard]] ByteCount default_pool(const os::MemoryLimits& limits);

}  // namespace vineyard::settings
