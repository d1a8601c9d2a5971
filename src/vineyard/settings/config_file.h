// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/result.h"

namespace vineyard::settings {

/// One line `key = value` of a settings file.
struct FileSetting {
  std::string key;
  std::string value;  // without quotes
};

/// Reads the part of TOML that settings need: comments, and one value a line, which is text in
/// quotes, true, false, a number or a bare word. Anything else is refused, so that no line is
/// misread.
/// Errors: invalid (which line, and what is wrong with it).
[[nodiscard]] Result<std::vector<FileSetting>> parse_config_file(std::string_view text);

}  // namespace vineyard::settings
