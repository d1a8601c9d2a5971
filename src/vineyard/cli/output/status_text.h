// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "vineyard/meta/json.h"

// The answer to Status and Check on one screen.
namespace vineyard::cli {

/// What an instance holds and who holds it. What a daemon of another version does not say counts as
/// 0 or empty.
[[nodiscard]] std::string status_text(const meta::JsonValue& status);

/// The invariants that were checked, and those that are broken.
[[nodiscard]] std::string check_text(const meta::JsonValue& report);

}  // namespace vineyard::cli
