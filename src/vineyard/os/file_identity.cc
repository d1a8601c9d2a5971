// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/file_identity.h"

#include <sys/stat.h>

#include "vineyard/os/syscall.h"

namespace vineyard::os {

Result<FileIdentity> identity_of(BorrowedFd fd) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return os_error("fstat", errno);
  return FileIdentity{status.st_dev, status.st_ino};
}

Result<FileIdentity> identity_at(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return os_error("stat", errno, path);
  return FileIdentity{status.st_dev, status.st_ino};
}

}  // namespace vineyard::os
