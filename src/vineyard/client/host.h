// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

// What this machine and the surroundings of this program offer: for `vineyard doctor`, and for
// programs that people use on a terminal. Asks the kernel only, no daemon.
namespace vineyard {

enum class HostState : std::uint8_t {
  kOk,
  kLimited,  ///< it works, but slower, or with less than usual
  kMissing,  ///< something does not work
};

/// One thing that was looked at, as plain text.
struct HostCheck {
  std::string what;  ///< what was looked at
  HostState state = HostState::kOk;
  std::string found;   ///< what is
  std::string why;     ///< what it is good for, or what it costs when it is not there
  std::string advice;  ///< what to do; empty when there is nothing to do
};

/// Kernel, memory and limits, as they matter to a client and to a daemon on this machine. Tries
/// things out on memory and sockets of its own, which are gone afterwards.
[[nodiscard]] std::vector<HostCheck> examine_host();

enum class StandardStream : std::uint8_t { kInput, kOutput, kError };

/// Fills the numbers of standard streams that were closed when the program began, so that no file or socket gets one of
/// them and what is printed goes there. Reading or writing such a stream fails. For the beginning of a program.
void occupy_standard_streams();

/// Whether a person is at the other end: a terminal.
[[nodiscard]] bool is_terminal(StandardStream stream);

}  // namespace vineyard
