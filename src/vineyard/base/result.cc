// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/result.h"

#include <cstdio>
#include <cstdlib>

namespace vineyard {

void bad_result_access(const Error* error) {
  std::fprintf(stderr, "vineyard: bug: a Result was used without looking at it first (%s)\n",
               error ? error->to_string().c_str() : "it holds a value");
  std::abort();
}

}  // namespace vineyard
