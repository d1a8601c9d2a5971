// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/unique_fd.h"

#include <unistd.h>

#include <cerrno>

namespace vineyard::os {

void UniqueFd::reset(int fd) {
  const int old = std::exchange(fd_, fd);
  if (old < 0) return;
  const int saved = errno;
  // Linux frees the descriptor whatever close() says; a second try could close somebody else's.
  ::close(old);
  errno = saved;
}

}  // namespace vineyard::os
