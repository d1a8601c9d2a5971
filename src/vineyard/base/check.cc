// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace vineyard {

void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "vineyard: bug at %s:%d: %s does not hold\n", file, line, condition);
  std::abort();
}

}  // namespace vineyard
