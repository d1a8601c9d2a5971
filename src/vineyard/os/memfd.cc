// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/memfd.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "vineyard/base/try.h"
#include "vineyard/os/huge_pages.h"
#include "vineyard/os/syscall.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace vineyard::os {
namespace {

constexpr int kNoNewWriters = F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

std::string describe(BorrowedFd fd) {
  return "descriptor " + std::to_string(fd.get());
}

Result<struct stat> status_of(BorrowedFd fd) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return os_error("fstat", errno, describe(fd));
  return status;
}

Result<void> touch_small_pages(BorrowedFd fd, std::uint64_t offset, std::uint64_t length) {
  const auto allocate = [&] {
    return ::fallocate(fd.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(length));
  };
  // The first time allocates pages and leaves it to their first user to clear them, one fault each;
  // the second time clears those that nobody has used yet. From then on faults map many at once.
  if (retry_on_eintr(allocate) != 0 || retry_on_eintr(allocate) != 0) {
    return os_error(
        "fallocate", errno,
        describe(fd) + ", " + to_string(ByteCount(length)) + " at " + std::to_string(offset));
  }
  return {};
}

}  // namespace

Result<UniqueFd> create_memfd(const char* name, ByteCount size) {
  if (size.value == 0) return Error(ErrorCode::kInvalid, "shared memory of 0 bytes was asked for");
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL));
  if (!fd.valid() && errno == EINVAL) {  // before Linux 6.3
    fd.reset(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  }
  if (!fd.valid()) return os_error("memfd_create", errno, name);
  const auto resized =
      retry_on_eintr([&] { return ::ftruncate(fd.get(), static_cast<off_t>(size.value)); });
  if (resized != 0) return os_error("ftruncate", errno, std::string(name) + ", " + to_string(size));
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
    return os_error("fcntl", errno, std::string(name) + ", F_ADD_SEALS SHRINK|GROW");
  }
  return fd;
}

Result<void> seal_against_new_writers(BorrowedFd memfd) {
  if (is_sealed(memfd)) return {};
  if (::fcntl(memfd.get(), F_ADD_SEALS, kNoNewWriters) != 0) {
    return os_error("fcntl", errno, describe(memfd) + ", F_ADD_SEALS FUTURE_WRITE|SEAL");
  }
  return {};
}

bool is_sealed(BorrowedFd memfd) {
  const int seals = ::fcntl(memfd.get(), F_GET_SEALS);
  return seals >= 0 && (seals & kNoNewWriters) == kNoNewWriters;
}

Result<UniqueFd> reopen(BorrowedFd fd, Access access) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd.get());
  const int flags = (access == Access::kReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC;
  UniqueFd again(retry_on_eintr([&] { return ::open(path.c_str(), flags); }));
  if (!again.valid()) return os_error("open", errno, path);
  return again;
}

Result<void> touch_pages(BorrowedFd fd, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t end = offset + length;
  while (offset < end) {
    const std::uint64_t next = std::min(end, (offset / kHugePage + 1) * kHugePage);
    const bool is_huge = next - offset == kHugePage && make_huge_page(fd, offset);
    if (!is_huge) VY_TRY(touch_small_pages(fd, offset, next - offset));
    offset = next;
  }
  return {};
}

Result<ByteCount> size_of(BorrowedFd fd) {
  VY_TRY(const struct stat status, status_of(fd));
  return ByteCount(static_cast<std::uint64_t>(status.st_size));
}

Result<ByteCount> allocated_size(BorrowedFd fd) {
  VY_TRY(const struct stat status, status_of(fd));
  return ByteCount(static_cast<std::uint64_t>(status.st_blocks) *
                   512);  // st_blocks counts 512 B, always
}

}  // namespace vineyard::os
