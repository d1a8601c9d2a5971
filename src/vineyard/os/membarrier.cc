// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/membarrier.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vineyard/os/syscall.h"

namespace vineyard::os {
namespace {

int membarrier(int command) {
  return static_cast<int>(::syscall(SYS_membarrier, command, 0, 0));
}

Result<void> barrier(int command, const char* name) {
#ifdef VINEYARD_TSAN
  full_fence();
#endif
  if (membarrier(command) == 0) return {};
  return os_error("membarrier", errno, name);
}

}  // namespace

bool membarrier_available() {
  constexpr int kNeeded =
      MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |
      MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
  const int known = membarrier(MEMBARRIER_CMD_QUERY);
  return known >= 0 && (known & kNeeded) == kNeeded;
}

bool register_for_global_barrier() {
  return membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0;
}

Result<void> global_barrier() {
  return barrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, "GLOBAL_EXPEDITED");
}

bool register_for_private_barrier() {
  return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

Result<void> private_barrier() {
  return barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, "PRIVATE_EXPEDITED");
}

}  // namespace vineyard::os
