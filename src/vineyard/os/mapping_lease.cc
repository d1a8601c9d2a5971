// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/mapping_lease.h"

#include <fcntl.h>
#include <signal.h>

#include <string>

#include "vineyard/base/try.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/syscall.h"

namespace vineyard::os {
namespace {

// On a description opened for this question and closed again: on one that is shared with another
// process the lease would outlive a killed asker and hold up every later open.
Result<bool> lease_is_granted(BorrowedFd memfd, int kind) {
  VY_TRY(const UniqueFd mine, reopen(memfd, Access::kReadOnly));
  if (retry_on_eintr([&] { return ::fcntl(mine.get(), F_SETLEASE, kind); }) == 0) {
    ::fcntl(mine.get(), F_SETLEASE, F_UNLCK);
    return true;
  }
  if (errno == EAGAIN || errno == EBUSY) return false;
  const std::string what = std::string("F_SETLEASE ") + (kind == F_RDLCK ? "F_RDLCK" : "F_WRLCK");
  const Error error = os_error("fcntl", errno, what);
  return Error(ErrorCode::kUnsupported, error.message());
}

}  // namespace

Result<bool> nobody_writes(BorrowedFd memfd) {
  return lease_is_granted(memfd, F_RDLCK);
}

Result<bool> nobody_maps(BorrowedFd memfd) {
  return lease_is_granted(memfd, F_WRLCK);
}

void ignore_lease_signal() {
  ::signal(SIGIO, SIG_IGN);
}

bool leases_available() {
  const auto memfd = create_memfd("vineyard-lease-check", ByteCount(4096));
  if (!memfd) return false;
  const auto unused = nobody_maps(*memfd);
  const auto unwritten = nobody_writes(*memfd);
  if (!unused || !unwritten || !*unused || !*unwritten) return false;
  {
    const auto reader = reopen(*memfd, Access::kReadOnly);
    if (!reader) return false;
    const auto read = nobody_maps(*memfd);
    const auto still_unwritten = nobody_writes(*memfd);
    if (!read || *read || !still_unwritten || !*still_unwritten) return false;
  }
  const auto writer = reopen(*memfd, Access::kReadWrite);
  if (!writer) return false;
  const auto written = nobody_writes(*memfd);
  return written && !*written;
}

}  // namespace vineyard::os
