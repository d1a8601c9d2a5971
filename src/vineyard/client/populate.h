// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace vineyard::client {

/// Brings the pages of an own mapping in before they are first written: three times faster than one
/// fault after the other. Where the kernel cannot, the writes fault them in.
void populate(std::span<std::byte> untouched);

/// Copies as `copy_to_pool`, and populates what is untouched a few MiB ahead of itself.
void copy_and_populate(std::byte* to, const std::byte* from, std::size_t size,
                       std::span<std::byte> untouched);

}  // namespace vineyard::client
