// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::os {

/// A file that one process has locked; free the moment that process is gone, however it ended.
///
/// Owner:   whoever holds it; unlocks when it ends, and leaves the file.
/// Threads: one at a time.
/// Always:  locked, by an open description that no other process has.
class FileLock {
 public:
  /// Locks `path`, which is created if need be. Nothing: somebody else has it. Errors: those of `open`, as codes.
  static Result<std::optional<FileLock>> try_lock(const std::string& path);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace vineyard::os
