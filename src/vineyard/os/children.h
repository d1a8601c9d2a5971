// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <vector>

#include "vineyard/base/result.h"

namespace vineyard::os {

/// The processes that `pid` started and that have not been waited for, as /proc tells.
/// Errors: not_found (no such process), unsupported (a kernel without this file).
[[nodiscard]] Result<std::vector<pid_t>> children_of(pid_t pid);

}  // namespace vineyard::os
