// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "vineyard/os/syscall.h"

namespace vineyard::os {

Result<std::optional<FileLock>> FileLock::try_lock(const std::string& path) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  UniqueFd fd(retry_on_eintr([&] { return ::open(path.c_str(), kFlags, 0600); }));
  if (!fd.valid()) return os_error("open", errno, path);
  if (retry_on_eintr([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) == 0)
    return std::optional<FileLock>(FileLock(std::move(fd)));
  if (errno == EWOULDBLOCK) return std::optional<FileLock>();
  return os_error("flock", errno, path);
}

}  // namespace vineyard::os
