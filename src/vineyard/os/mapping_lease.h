// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"

// Does anybody still have this memory? Asked of the kernel (rule R8): a description made by
// reopen() counts while it is open or mapped, in whatever process and however it was inherited; the
// memfd's own does not.
namespace vineyard::os {

/// Nobody can write it: no reopened read-write description is open or mapped. (Pin tables,
/// outboxes.) Errors: unsupported (leases are refused here), full (descriptors).
[[nodiscard]] Result<bool> nobody_writes(BorrowedFd memfd);

/// Nobody has it at all: no reopened description is open or mapped. (Arenas.)
/// Errors: unsupported (leases are refused here), full (descriptors).
[[nodiscard]] Result<bool> nobody_maps(BorrowedFd memfd);

/// A lease that meets an opener raises SIGIO, whose default kills. Once per process, before the
/// first question.
void ignore_lease_signal();

/// Whether both questions are answered rightly on this host; tried on memory of its own.
[[nodiscard]] bool leases_available();

}  // namespace vineyard::os
