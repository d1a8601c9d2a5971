// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "vineyard/base/result.h"

namespace vineyard {

/// A number of bytes; converts to and from integers only in so many words.
struct ByteCount {
  std::uint64_t value = 0;

  constexpr ByteCount() = default;
  explicit constexpr ByteCount(std::uint64_t bytes) : value(bytes) {}
  constexpr auto operator<=>(const ByteCount&) const = default;
  constexpr ByteCount operator+(ByteCount other) const { return ByteCount(value + other.value); }
  constexpr ByteCount operator-(ByteCount other) const { return ByteCount(value - other.value); }
};

constexpr ByteCount operator""_B(unsigned long long n) {
  return ByteCount(n);
}
constexpr ByteCount operator""_KiB(unsigned long long n) {
  return ByteCount(n << 10);
}
constexpr ByteCount operator""_MiB(unsigned long long n) {
  return ByteCount(n << 20);
}
constexpr ByteCount operator""_GiB(unsigned long long n) {
  return ByteCount(n << 30);
}

/// `12 B`, `4.0 KiB`, `2.5 GiB`: for people.
[[nodiscard]] std::string to_string(ByteCount bytes);

/// Reads `512`, `64K`, `64Ki`, `256Mi`, `1.5G`, `8GiB`; K and Ki both mean 1024.
/// Errors: invalid (names the text and the units that are understood).
[[nodiscard]] Result<ByteCount> parse_byte_count(std::string_view text);

}  // namespace vineyard
