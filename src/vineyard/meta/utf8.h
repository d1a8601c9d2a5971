// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace vineyard::meta {

/// Whether `text` is ASCII, in a few instructions for short texts.
[[nodiscard]] inline bool is_ascii(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  const char* p = text.data();
  std::size_t left = text.size();
  std::uint64_t word = 0;
  if (left >= 8) {
    for (; left > 8; p += 8, left -= 8) {
      std::memcpy(&word, p, 8);
      if ((word & kHighBits) != 0) return false;
    }
    std::memcpy(&word, p + left - 8, 8);  // overlaps what was looked at before
    return (word & kHighBits) == 0;
  }
  if (left >= 4) {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, p, 4);
    std::memcpy(&last, p + left - 4, 4);
    return ((first | last) & static_cast<std::uint32_t>(kHighBits)) == 0;
  }
  for (std::size_t i = 0; i < left; ++i) word |= static_cast<unsigned char>(p[i]);
  return (word & 0x80) == 0;
}

/// Whether `text`, which is not ASCII, is well-formed UTF-8 (Unicode 15, table 3-7): no surrogates,
/// no overlong forms, nothing cut short.
[[nodiscard]] bool is_utf8_beyond_ascii(std::string_view text);

[[nodiscard]] inline bool is_utf8(std::string_view text) {
  return is_ascii(text) || is_utf8_beyond_ascii(text);
}

}  // namespace vineyard::meta
