// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

// Little-endian integers in byte arrays, whatever the host. Compilers make one load or store of
// each.
namespace vineyard::protocol {

template <std::unsigned_integral T>
void store_le(std::byte* out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<std::byte>(value >> (8 * i));
  }
}

template <std::unsigned_integral T>
[[nodiscard]] T load_le(const std::byte* in) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | static_cast<T>(std::to_integer<T>(in[i]) << (8 * i)));
  }
  return value;
}

}  // namespace vineyard::protocol
