// SPDX-License-Identifier: Apache-2.0
#include "vineyard/os/huge_pages.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "vineyard/os/mapped_region.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/syscall.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace vineyard::os {

bool make_huge_page(void* address) {
  return retry_on_eintr([&] { return ::madvise(address, kHugePage, MADV_COLLAPSE); }) == 0;
}

bool make_huge_page(BorrowedFd fd, std::uint64_t offset) {
  // The kernel would also make one that reaches beyond the end, and take the memory for it.
  const auto size = size_of(fd);
  if (!size || offset + kHugePage > size->value) return false;
  const auto begin = static_cast<off_t>(offset);
  // A piece without any page is refused.
  if (retry_on_eintr([&] { return ::fallocate(fd.get(), 0, begin, 1); }) != 0) return false;
  const auto piece = MappedRegion::map_piece(fd, offset, ByteCount(kHugePage), Access::kReadOnly);
  return piece && make_huge_page(piece->data());
}

bool huge_pages_available() {
  const auto probe = create_memfd("vineyard-probe", ByteCount(kHugePage));
  return probe && make_huge_page(*probe, 0);
}

}  // namespace vineyard::os
