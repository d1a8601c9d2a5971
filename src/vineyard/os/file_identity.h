// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::os {

/// Tells files apart whatever they are called: the kernel's numbers of device and inode.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

/// Of the file behind a descriptor. Errors: invalid (not open).
[[nodiscard]] Result<FileIdentity> identity_of(BorrowedFd fd);
/// Of the file that is at `path` now. Errors: not_found, denied.
[[nodiscard]] Result<FileIdentity> identity_at(const std::string& path);

}  // namespace vineyard::os
