// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "vineyard/base/result.h"

namespace vineyard::os {

/// Makes `path` (and what is missing above it) a folder that only this user may enter. One that is
/// there already must be a real folder of this user that nobody else can write. Errors: denied (of
/// another user, or others can write it), invalid (something else is there), full.
[[nodiscard]] Result<void> create_private_directory(const std::string& path);

/// The whole of a file of at most 1 MiB.
/// Errors: not_found, denied, invalid (a folder, or larger).
[[nodiscard]] Result<std::string> read_small_file(const std::string& path);

/// Removes a file; one that is not there is no error.
[[nodiscard]] Result<void> remove_file(const std::string& path);

/// Where sockets of this user go: $XDG_RUNTIME_DIR/vineyard, else /tmp/vineyard-UID; created, and
/// checked to be ours. Errors: denied (somebody else was there first).
[[nodiscard]] Result<std::string> runtime_directory();
/// The same without creating or checking anything.
[[nodiscard]] std::string runtime_directory_path();

/// What must survive a restart: $XDG_STATE_HOME/vineyard, else ~/.local/state/vineyard. Not
/// created. Errors: not_found (no home folder is known).
[[nodiscard]] Result<std::string> state_directory_path();

/// A variable of the environment, unless it is unset or empty.
[[nodiscard]] std::optional<std::string> environment(const char* name);

/// The file of the running program, links resolved.
[[nodiscard]] Result<std::string> executable_path();

/// Fills the numbers of standard streams that were closed when the program began, so that no file or socket gets one of
/// them and what is printed goes there. Reading or writing such a stream fails.
void occupy_standard_streams();

enum class StandardStream { kInput, kOutput, kError };
/// Whether a person is at the other end: a terminal.
[[nodiscard]] bool is_terminal(StandardStream stream);

}  // namespace vineyard::os
