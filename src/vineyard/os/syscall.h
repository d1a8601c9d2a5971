// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <string_view>

#include "vineyard/base/error.h"

namespace vineyard::os {

/// Calls `call` until it is not interrupted by a signal, and returns what it returned.
template <class Call>
auto retry_on_eintr(Call&& call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

/// What a caller should do about this errno.
[[nodiscard]] ErrorCode code_of_errno(int error_number);

/// `mmap(4096 bytes, shared): Cannot allocate memory (ENOMEM)`, with the code that fits the errno.
[[nodiscard]] Error os_error(std::string_view call, int error_number,
                             std::string_view arguments = {});

}  // namespace vineyard::os
