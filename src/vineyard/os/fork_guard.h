// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "vineyard/base/result.h"
#include "vineyard/os/mapped_region.h"

namespace vineyard::os {

/// A word that a child made by fork (also by a raw clone) finds as 0, whatever its parent had
/// written.
///
/// Owner:   the client's Context; lives as long as the process.
/// Threads: any; the word is atomic.
/// Always:  the word starts as 0, and is 0 in a new child before any of its instructions.
class ForkGuard {
 public:
  /// Errors: full, unsupported (before Linux 4.14).
  [[nodiscard]] static Result<ForkGuard> create();

  [[nodiscard]] std::atomic<std::uint64_t>& word() const;

 private:
  explicit ForkGuard(MappedRegion page) : page_(std::move(page)) {}
  MappedRegion page_;
};

/// Called around fork() in the thread that forks; null: nothing to do.
struct ForkHandlers {
  void (*before)() = nullptr;
  void (*in_parent)() = nullptr;
  void (*in_child)() = nullptr;
};

/// Registers handlers for the rest of the process's life. Only the first call of a process does
/// anything; it says so. Errors: full.
[[nodiscard]] Result<bool> register_fork_handlers_once(const ForkHandlers& handlers);

}  // namespace vineyard::os
