// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/fork_guard.h"

#include <pthread.h>
#include <sys/mman.h>

#include "vineyard/base/try.h"
#include "vineyard/os/syscall.h"

namespace vineyard::os {

Result<ForkGuard> ForkGuard::create() {
  VY_TRY(MappedRegion page, MappedRegion::map_anonymous(ByteCount(page_size())));
  if (::madvise(page.data(), page.size(), MADV_WIPEONFORK) != 0) {
    return Error(ErrorCode::kUnsupported, os_error("madvise", errno, "MADV_WIPEONFORK").message());
  }
  return ForkGuard(std::move(page));
}

std::atomic<std::uint64_t>& ForkGuard::word() const {
  static_assert(sizeof(std::atomic<std::uint64_t>) == 8 &&
                std::atomic<std::uint64_t>::is_always_lock_free);
  return *page_.as<std::atomic<std::uint64_t>>();
}

Result<bool> register_fork_handlers_once(const ForkHandlers& handlers) {
  static std::atomic<bool> registered{false};
  if (registered.exchange(true)) return false;
  const int reason = ::pthread_atfork(handlers.before, handlers.in_parent, handlers.in_child);
  if (reason != 0) {
    registered = false;
    return os_error("pthread_atfork", reason);
  }
  return true;
}

}  // namespace vineyard::os
