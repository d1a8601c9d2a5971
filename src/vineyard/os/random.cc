// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/random.h"

#include <sys/random.h>

#include "vineyard/base/check.h"

namespace vineyard::os {

std::uint64_t random_bits() {
  std::uint64_t bits = 0;
  VY_CHECK(::getrandom(&bits, sizeof bits, 0) == sizeof bits);  // so few never come in part
  return bits;
}

}  // namespace vineyard::os
