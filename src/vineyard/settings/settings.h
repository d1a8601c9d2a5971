// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "vineyard/base/result.h"
#include "vineyard/base/units.h"

// What a user may decide about a daemon. Parsed by vineyardd, and again by each worker from the same arguments.
namespace vineyard::settings {

enum class Reserve : std::uint8_t { kOff, kOn };
enum class Prefault : std::uint8_t { kNone, kBackground, kFull };
enum class Life : std::uint8_t { kUntilStopped, kUntilIdle };
enum class LogFormat : std::uint8_t { kText, kJson };

struct Settings {
  enum class Action : std::uint8_t { kServe, kPrintText } action = Action::kServe;
  std::string text;           // kPrintText: the help or version asked for
  ByteCount pool_size;        // after clamping
  ByteCount asked_size;       // before
  std::string clamped_by;     // what made it smaller, for the log; empty: nothing
  std::string socket;
  std::string state_dir;
  Reserve reserve = Reserve::kOn;
  Prefault prefault = Prefault::kBackground;
  Life life = Life::kUntilStopped;
  LogFormat log = LogFormat::kText;
};

/// Reads flags, then the environment (VINEYARD_SIZE, VINEYARD_SOCKET, ...), then the file of --config (TOML): the first
/// that says something counts. Creates nothing.
/// Errors: invalid: one line that says which setting, what it was, and what it may be.
[[nodiscard]] Result<Settings> parse_settings(int argc, char* const* argv);

}  // namespace vineyard::settings
