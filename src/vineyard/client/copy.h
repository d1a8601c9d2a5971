// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace vineyard::client {

/// Copies `size` bytes to memory that this process will not read soon: from 1 MiB on past the
/// caches, which would otherwise first read what is going to be overwritten. `to` is 64-byte
/// aligned.
void copy_to_pool(std::byte* to, const std::byte* from, std::size_t size);

}  // namespace vineyard::client
