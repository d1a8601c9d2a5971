// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/poll.h"

#include <poll.h>

#include <cstdint>
#include <string>
#include <vector>

#include "vineyard/base/try.h"
#include "vineyard/os/process.h"
#include "vineyard/os/syscall.h"

namespace vineyard::os {
namespace {

// poll() that goes on after a signal with what is left of the time.
Result<bool> poll_until(std::span<pollfd> list, int timeout_ms) {
  const std::int64_t deadline = monotonic_ms() + timeout_ms;
  for (int left = timeout_ms;;) {
    const int ready = ::poll(list.data(), list.size(), left);
    if (ready >= 0) return ready > 0;
    if (errno != EINTR)
      return os_error("poll", errno, std::to_string(list.size()) + " descriptors");
    if (timeout_ms < 0) continue;
    const std::int64_t rest = deadline - monotonic_ms();
    left = rest > 0 ? static_cast<int>(rest) : 0;
  }
}

}  // namespace

Result<bool> wait_any(std::span<Watched> watched, int timeout_ms) {
  std::vector<pollfd> list;
  list.reserve(watched.size());
  for (const Watched& one : watched) list.push_back({one.fd.get(), POLLIN, 0});
  VY_TRY(const bool any, poll_until(list, timeout_ms));
  for (std::size_t i = 0; i < watched.size(); ++i) watched[i].ready = list[i].revents != 0;
  return any;
}

Result<bool> wait_readable(BorrowedFd fd, int timeout_ms) {
  pollfd one{fd.get(), POLLIN, 0};
  return poll_until({&one, 1}, timeout_ms);
}

Result<bool> wait_writable(BorrowedFd fd, int timeout_ms) {
  pollfd one{fd.get(), POLLOUT, 0};
  return poll_until({&one, 1}, timeout_ms);
}

}  // namespace vineyard::os
