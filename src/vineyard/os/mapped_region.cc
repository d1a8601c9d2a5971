// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/mapped_region.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "vineyard/os/huge_pages.h"
#include "vineyard/os/syscall.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace vineyard::os {
namespace {

Result<MappedRegion> map_or_error(ByteCount size, int protection, int flags, int fd,
                                  const char* what) {
  void* data = ::mmap(nullptr, size.value, protection, flags, fd, 0);
  if (data == MAP_FAILED) return os_error("mmap", errno, to_string(size) + ", " + what);
  return MappedRegion(data, size.value);
}

bool is_aligned(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % kHugePage == 0;
}

// A place in which `size` bytes begin on the border of a huge page; it is free again when this
// returns, and nullptr where there is none.
std::byte* aligned_place(std::size_t size) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* const found = ::mmap(nullptr, size + kHugePage, PROT_NONE, kFlags, -1, 0);
  if (found == MAP_FAILED) return nullptr;
  ::munmap(found, size + kHugePage);
  const auto begin = reinterpret_cast<std::uintptr_t>(found);
  return reinterpret_cast<std::byte*>((begin + kHugePage - 1) & ~(kHugePage - 1));
}

}  // namespace

MappedRegion& MappedRegion::operator=(MappedRegion&& other) noexcept {
  if (this == &other) return *this;
  reset();
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

Result<MappedRegion> MappedRegion::map(BorrowedFd fd, ByteCount size, Access access) {
  return map_piece(fd, 0, size, access);
}

Result<MappedRegion> MappedRegion::map_piece(BorrowedFd fd, std::uint64_t offset, ByteCount size,
                                             Access access) {
  const bool writes = access == Access::kReadWrite;
  const int protection = writes ? PROT_READ | PROT_WRITE : PROT_READ;
  const auto map_at = [&](void* place, int flags) {
    return ::mmap(place, size.value, protection, flags, fd.get(), static_cast<off_t>(offset));
  };
  void* data = map_at(nullptr, MAP_SHARED);
  if (data == MAP_FAILED) {
    return os_error("mmap", errno,
                    to_string(size) + (writes ? ", shared, writable" : ", shared, read-only"));
  }
  if (size.value < kHugePage || is_aligned(data)) return MappedRegion(data, size.value);
  // Another thread may take the place meanwhile: then this mapping stays where it is.
  if (void* const place = aligned_place(size.value); place != nullptr) {
    void* const better = map_at(place, MAP_SHARED | MAP_FIXED_NOREPLACE);
    if (better == MAP_FAILED) return MappedRegion(data, size.value);
    ::munmap(std::exchange(data, better), size.value);
  }
  return MappedRegion(data, size.value);
}

Result<MappedRegion> MappedRegion::map_private_copy(BorrowedFd fd, ByteCount size) {
  return map_or_error(size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd.get(), "private copy");
}

Result<MappedRegion> MappedRegion::map_anonymous(ByteCount size) {
  return map_or_error(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, "anonymous");
}

void MappedRegion::reset() {
  if (data_ == nullptr) return;
  ::munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

Result<void> populate_for_write(void* address, std::size_t size) {
  const std::uintptr_t page = page_size();
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(address) & ~(page - 1);
  const std::uintptr_t end =
      (reinterpret_cast<std::uintptr_t>(address) + size + page - 1) & ~(page - 1);
  void* const start = reinterpret_cast<void*>(begin);
  // Reading maps the pages of a writable shared mapping writable, and skips the dirty bookkeeping
  // of a write.
  for (const int advice : {MADV_POPULATE_READ, MADV_POPULATE_WRITE}) {
    if (retry_on_eintr([&] { return ::madvise(start, end - begin, advice); }) == 0) return {};
  }
  const int reason = errno;
  if (reason == EINVAL) {
    return Error(ErrorCode::kUnsupported,
                 "madvise(MADV_POPULATE_READ): this kernel does not know it");
  }
  return os_error("madvise", reason, to_string(ByteCount(size)) + ", MADV_POPULATE_READ");
}

Result<void> dont_fork(void* address, std::size_t size) {
  if (::madvise(address, size, MADV_DONTFORK) == 0) return {};
  return os_error("madvise", errno, to_string(ByteCount(size)) + ", MADV_DONTFORK");
}

Result<void> do_fork(void* address, std::size_t size) {
  if (::madvise(address, size, MADV_DOFORK) == 0) return {};
  return os_error("madvise", errno, to_string(ByteCount(size)) + ", MADV_DOFORK");
}

Result<void> fill_hole(void* address, std::size_t size) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  void* data = ::mmap(address, size, PROT_NONE, kFlags, -1, 0);
  if (data == address) return {};
  if (data == MAP_FAILED)
    return os_error("mmap", errno, to_string(ByteCount(size)) + ", fill a hole");
  ::munmap(data, size);  // before Linux 4.17 the flag is only a hint
  return Error(ErrorCode::kExists, "mmap(fill a hole): the place is taken");
}

Result<void> replace_with_anonymous(void* address, std::size_t size) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
#ifdef VINEYARD_TSAN
  // TSan takes a mapping for a write by this thread. A store of another thread at the same time goes
  // either to the old memory or to the new one, which is what this function is for: not to be seen.
  const auto done = ::syscall(SYS_mmap, address, size, PROT_READ | PROT_WRITE, kFlags, -1, 0L);
  if (done != -1) return {};
#else
  if (::mmap(address, size, PROT_READ | PROT_WRITE, kFlags, -1, 0) != MAP_FAILED) return {};
#endif
  return os_error("mmap", errno, to_string(ByteCount(size)) + ", replace with anonymous memory");
}

Result<void> protect_read_only(void* address, std::size_t size) {
  if (::mprotect(address, size, PROT_READ) == 0) return {};
  return os_error("mprotect", errno, to_string(ByteCount(size)) + ", read-only");
}

std::size_t page_size() {
  static const std::size_t size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace vineyard::os
