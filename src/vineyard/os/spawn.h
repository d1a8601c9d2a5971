// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "vineyard/base/result.h"

namespace vineyard::os {

/// Starts a program that goes on without us: in a session of its own, with no descriptor of ours,
/// its output in `log_path` (empty: nowhere). Returns its process number. No fork handler runs.
/// The caller waits for its end, or leaves that to init.
/// Errors: not_found (no such program), denied (not executable), full.
[[nodiscard]] Result<pid_t> start_program(const std::string& path,
                                          std::span<const std::string> arguments,
                                          const std::string& log_path);

/// Whether `path` is a file that this process may execute.
[[nodiscard]] bool is_executable(const std::string& path);

}  // namespace vineyard::os
