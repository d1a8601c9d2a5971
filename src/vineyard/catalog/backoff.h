// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "vineyard/catalog/requests.h"

namespace vineyard::catalog {

/// How long to wait before the next attempt, after one that followed a wait of `last`: 20 ms, doubling up to 500 ms.
[[nodiscard]] inline Time longer(Time last) {
  return std::clamp<Time>(2 * last, 20, 500);
}

}  // namespace vineyard::catalog
