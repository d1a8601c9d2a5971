// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/confinement.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "vineyard/base/try.h"
#include "vineyard/os/syscall.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::os {
namespace {

// The right to truncate came with the third version of the interface; Debian 12's header lacks it.
constexpr std::uint64_t kTruncate = std::uint64_t{1} << 14;
constexpr long kTruncateSince = 3;

// Everything that changes files or folders.
constexpr std::uint64_t kWrites = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                  LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                  LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                  LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

long interface_version() {
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

Result<void> allow(BorrowedFd rules, const std::string& folder, std::uint64_t what) {
  const UniqueFd opened(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid()) return os_error("open", errno, folder);
  const landlock_path_beneath_attr beneath{.allowed_access = what, .parent_fd = opened.get()};
  if (::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
    return os_error("landlock_add_rule", errno, folder);
  return {};
}

}  // namespace

bool confinement_available() {
  return interface_version() > 0;
}

Result<void> confine_writes(std::span<const std::string> folders) {
  const long version = interface_version();
  if (version <= 0) return Error(ErrorCode::kUnsupported, "this kernel has no Landlock");
  const std::uint64_t writes = kWrites | (version >= kTruncateSince ? kTruncate : 0);
  const landlock_ruleset_attr handled{.handled_access_fs = writes};
  const UniqueFd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0)));
  if (!rules.valid()) return os_error("landlock_create_ruleset", errno);
  for (const std::string& folder : folders) VY_TRY(allow(rules, folder, writes));
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0)
    return os_error("landlock_restrict_self", errno);
  return {};
}

}  // namespace vineyard::os
