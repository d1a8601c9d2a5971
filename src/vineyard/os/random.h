// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace vineyard::os {

/// Bits that nobody can foretell, from the kernel: for names that must differ between runs.
[[nodiscard]] std::uint64_t random_bits();

}  // namespace vineyard::os
