// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/client.h"

// What tests with a client share.
namespace vineyard::testing {

/// The value, or the end of the test with the error's text.
template <class T>
T ok(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  return *std::move(result);
}
inline void ok(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
}

inline std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}
inline std::string text(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}
/// Bytes that are the same for the same seed.
inline std::vector<std::byte> noise(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> data(size);
  for (auto& b : data) b = static_cast<std::byte>(random());
  return data;
}

}  // namespace vineyard::testing
