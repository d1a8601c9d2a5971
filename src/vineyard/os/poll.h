// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::os {

inline constexpr int kForever = -1;  ///< as a number of milliseconds to wait

/// One of several descriptors somebody waits for: `ready` when it can be read, was hung up, or is
/// broken.
struct Watched {
  BorrowedFd fd;  // a negative one is never ready
  bool ready = false;
};

/// Waits until one of them is ready; says whether one was before `timeout_ms` had passed. Signals
/// do not end it. Errors: invalid, full.
[[nodiscard]] Result<bool> wait_any(std::span<Watched> watched, int timeout_ms);

/// The same for one descriptor. A pidfd is readable when its process has ended.
[[nodiscard]] Result<bool> wait_readable(BorrowedFd fd, int timeout_ms);

/// Waits until `fd` takes more data (or was hung up).
[[nodiscard]] Result<bool> wait_writable(BorrowedFd fd, int timeout_ms);

}  // namespace vineyard::os
