// SPDX-License-Identifier: Apache-2.0
#include "vineyard/base/ids.h"

#include <charconv>
#include <cstdio>

namespace vineyard {

std::string ObjectId::to_string() const {
  char text[24];
  std::snprintf(text, sizeof text, "o%016llx", static_cast<unsigned long long>(value));
  return text;
}

std::optional<ObjectId> ObjectId::parse(std::string_view text) {
  if (text.size() != 17 || text[0] != 'o') return std::nullopt;
  std::uint64_t bits = 0;
  const auto [end, code] = std::from_chars(text.data() + 1, text.data() + text.size(), bits, 16);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return ObjectId(bits);
}

}  // namespace vineyard
