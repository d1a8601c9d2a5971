// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "vineyard/base/result.h"
#include "vineyard/base/units.h"
#include "vineyard/os/unique_fd.h"

// Memory that can be handed to other processes, and the seals that say what they can do with it.
namespace vineyard::os {

enum class Access { kReadOnly, kReadWrite };

/// Makes `size` bytes of shared memory that can neither shrink nor grow, so no reader can meet
/// SIGBUS. Takes no memory until it is touched. `name` shows in /proc only. Errors: full
/// (descriptors, address space), invalid (size is zero).
[[nodiscard]] Result<UniqueFd> create_memfd(const char* name, ByteCount size);

/// From now on nobody, not even root with this descriptor, gets a new writable mapping, writes,
/// truncates or punches; mappings that exist go on writing. Sealing again does nothing. Errors:
/// denied (sealed otherwise before), invalid (no memfd).
[[nodiscard]] Result<void> seal_against_new_writers(BorrowedFd memfd);

/// Whether `seal_against_new_writers` was done.
[[nodiscard]] bool is_sealed(BorrowedFd memfd);

/// A new open file description of the same memory. It is counted by the kernel while it is open or
/// mapped, the memfd's own is not (mapping_lease.h), so every receiver gets one made for it.
/// Errors: full (descriptors), denied.
[[nodiscard]] Result<UniqueFd> reopen(BorrowedFd fd, Access access);

/// Allocates and clears the pages of `[offset, offset + length)`, whole huge pages of it as such
/// where the machine gives them (huge_pages.h). Who calls is charged;
/// past a cgroup's limit the kernel kills instead of failing, so compare with the limit first.
/// Errors: full, invalid (outside the memory), denied (`fd` is read-only).
[[nodiscard]] Result<void> touch_pages(BorrowedFd fd, std::uint64_t offset, std::uint64_t length);

/// Bytes of the file behind `fd`.
[[nodiscard]] Result<ByteCount> size_of(BorrowedFd fd);

/// Bytes of memory that the file behind `fd` takes now.
[[nodiscard]] Result<ByteCount> allocated_size(BorrowedFd fd);

}  // namespace vineyard::os
