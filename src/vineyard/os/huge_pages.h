// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "vineyard/os/unique_fd.h"

// Huge pages for shared memory, asked for piece by piece with MADV_COLLAPSE (Linux 6.1): the kernel
// gives them also where the setting of the machine gives none unasked. They are cleared faster than
// small ones, and every process that maps them at aligned addresses, as MappedRegion does, takes one
// fault and one TLB entry instead of 512. Nothing depends on getting them.
namespace vineyard::os {

/// Bytes of a huge page, and the border on which one begins, in files and in addresses.
inline constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20;

/// Makes the piece at `offset` of a memfd one huge page, and keeps what was written there. False
/// where it does not fit or the kernel cannot: the piece is then as before, but its first small page
/// may be allocated.
[[nodiscard]] bool make_huge_page(BorrowedFd fd, std::uint64_t offset);

/// The same for a piece that is mapped at `address`, a multiple of kHugePage, with at least one of
/// its small pages touched.
bool make_huge_page(void* address);

/// Whether this machine gives them; tried on memory of its own.
[[nodiscard]] bool huge_pages_available();

}  // namespace vineyard::os
