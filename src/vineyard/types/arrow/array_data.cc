// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/arrow/array_data.h"

#include <bit>
#include <cstring>

namespace vineyard::arrow {

std::int64_t count_zero_bits(std::span<const std::byte> bits, std::int64_t offset,
                             std::int64_t length) {
  std::int64_t ones = 0;
  std::int64_t at = offset;
  const std::int64_t end = offset + length;
  const auto bit = [&bits](std::int64_t i) {
    return std::to_integer<int>(bits[static_cast<std::size_t>(i / 8)]) >> (i % 8) & 1;
  };
  for (; at < end && at % 8 != 0; ++at) ones += bit(at);
  for (; end - at >= 64; at += 64) {
    std::uint64_t word = 0;
    std::memcpy(&word, bits.data() + at / 8, sizeof word);
    ones += std::popcount(word);
  }
  for (; at < end; ++at) ones += bit(at);
  return length - ones;
}

std::int64_t offset_at(std::span<const std::byte> offsets, std::uint32_t width,
                       std::int64_t index) {
  const std::byte* at = offsets.data() + static_cast<std::size_t>(index) * width;
  if (width == 4) {
    std::int32_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  std::int64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::string type_name_of(const Field& field, const Layout& layout) {
  return field.is_dictionary() ? "vineyard::DictionaryArray" : type_name_of(field.format, layout);
}

}  // namespace vineyard::arrow
