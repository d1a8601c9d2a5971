// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::os {

/// Opens a file that may be loaded later, whatever its path means by then.
/// Errors: not_found, denied.
[[nodiscard]] Result<UniqueFd> open_shared_object(const std::string& path);

/// Loads the shared object behind `file` into this process for good and returns the address of
/// `symbol`. Errors: unavailable (the loader's own words).
[[nodiscard]] Result<void*> load_symbol(BorrowedFd file, const char* symbol);

}  // namespace vineyard::os
