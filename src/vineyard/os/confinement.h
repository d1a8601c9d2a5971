// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "vineyard/base/result.h"

namespace vineyard::os {

/// From now on the calling thread, and every process and thread it makes, can open for writing, create, rename and
/// remove files beneath these folders only (Landlock; a second line of defence, see landlock(7)). Reading, what is open
/// already, and memfds are not concerned. Called before other threads exist, after set_no_new_privileges.
/// Errors: unsupported (this kernel has no Landlock; nothing has changed), not_found and others (a folder).
[[nodiscard]] Result<void> confine_writes(std::span<const std::string> folders);

/// Whether this kernel can do that.
[[nodiscard]] bool confinement_available();

}  // namespace vineyard::os
