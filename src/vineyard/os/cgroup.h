// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "vineyard/base/result.h"
#include "vineyard/base/units.h"

namespace vineyard::os {

/// How much memory this process may use, as its control groups and the machine say.
struct MemoryLimits {
  ByteCount machine;    // memory of the machine
  ByteCount available;  // what the machine could give now without swapping
  std::optional<ByteCount>
      limit;          // of the group (own or above) that is closest to its limit; none: unlimited
  ByteCount usage;    // of that group, or of the own one; without cached files
  std::string group;  // path of that group's folder, for messages
};

/// Reads control groups of version 1 or 2. `root` is the folder that holds `proc` and `sys` (tests:
/// recorded files). A group that cannot be read counts as unlimited. Errors: not_found (no
/// proc/meminfo).
[[nodiscard]] Result<MemoryLimits> memory_limits(const std::string& root = "");

}  // namespace vineyard::os
