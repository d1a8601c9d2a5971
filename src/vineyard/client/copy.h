// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace vineyard::client {

/// Copies `size` bytes to memory that this process will not read soon: past the caches, which would
/// otherwise first read what is going to be overwritten, when the whole put is `whole` bytes of
/// 1 MiB at least. `to` is 64-byte aligned.
void copy_to_pool(std::byte* to, const std::byte* from, std::size_t size, std::size_t whole);
inline void copy_to_pool(std::byte* to, const std::byte* from, std::size_t size) {
  copy_to_pool(to, from, size, size);
}

}  // namespace vineyard::client
