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

/// Reads TOML: text, whole numbers, true and false. Other values, lists and tables are refused; settings
/// come in the order of their keys.
/// Errors: invalid (which line, and what is wrong with it).
[[nodiscard]] Result<std::vector<FileSetting>> parse_config_file(std::string_view text);

}  // namespace vineyard::settings
