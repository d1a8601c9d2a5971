// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace vineyard::meta {

/// Whether `text` is well-formed UTF-8 (Unicode 15, table 3-7): no surrogates, no overlong forms, nothing cut short.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace vineyard::meta
