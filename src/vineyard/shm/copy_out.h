// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace vineyard::shm {

/// Copies bytes that another process may be changing meanwhile. What was copied may be torn: the
/// caller looks again whether it may use it, or checks all of it; only the copy is ever used.
inline void copy_out(void* to, const void* from, std::size_t size) {
#ifdef VINEYARD_TSAN
  // TSan would rightly call a plain copy a race; byte by byte it is told that we know.
  auto* out = static_cast<std::uint8_t*>(to);
  auto* in = const_cast<std::uint8_t*>(static_cast<const std::uint8_t*>(from));
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = std::atomic_ref<std::uint8_t>(in[i]).load(std::memory_order_relaxed);
  }
#else
  std::memcpy(to, from, size);
#endif
}

/// Writes bytes that another process may be reading, before the store that publishes them.
inline void copy_in(void* to, const void* from, std::size_t size) {
#ifdef VINEYARD_TSAN
  auto* out = static_cast<std::uint8_t*>(to);
  const auto* in = static_cast<const std::uint8_t*>(from);
  for (std::size_t i = 0; i < size; ++i) {
    std::atomic_ref<std::uint8_t>(out[i]).store(in[i], std::memory_order_relaxed);
  }
#else
  std::memcpy(to, from, size);
#endif
}

}  // namespace vineyard::shm
