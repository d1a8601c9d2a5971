// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "vineyard/base/result.h"
#include "vineyard/base/units.h"
#include "vineyard/os/memfd.h"
#include "vineyard/os/unique_fd.h"

namespace vineyard::os {

/// A run of mapped memory that is unmapped with its owner.
///
/// Owner:   whoever holds it; unmaps when it ends.
/// Threads: one at a time for the object; the bytes follow the rules of who may write what.
/// Always:  `[data(), data() + size())` is mapped, or data() is null and size() is 0.
class MappedRegion {
 public:
  MappedRegion() = default;
  /// Takes over a mapping made elsewhere.
  MappedRegion(void* data, std::size_t size) : data_(static_cast<std::byte*>(data)), size_(size) {}
  MappedRegion(MappedRegion&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedRegion& operator=(MappedRegion&& other) noexcept;
  MappedRegion(const MappedRegion&) = delete;
  MappedRegion& operator=(const MappedRegion&) = delete;
  ~MappedRegion() { reset(); }

  /// Maps the first `size` bytes of `fd`, shared with everybody who maps it. A part of a page is
  /// rounded up. Lies so that huge pages can be mapped as such (huge_pages.h). Errors: denied
  /// (writable, and sealed), full (mappings, address space), invalid.
  [[nodiscard]] static Result<MappedRegion> map(BorrowedFd fd, ByteCount size, Access access);
  /// The same from `offset` on, a multiple of the page size.
  [[nodiscard]] static Result<MappedRegion> map_piece(BorrowedFd fd, std::uint64_t offset,
                                                      ByteCount size, Access access);
  /// Maps a private, writable copy: what is written stays in this process.
  [[nodiscard]] static Result<MappedRegion> map_private_copy(BorrowedFd fd, ByteCount size);
  /// Fresh zeroed memory of this process.
  [[nodiscard]] static Result<MappedRegion> map_anonymous(ByteCount size);

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool valid() const { return data_ != nullptr; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }
  /// The memory as a structure that lies at its start.
  template <class T>
  [[nodiscard]] T* as() const {
    return reinterpret_cast<T*>(data_);
  }
  /// Gives the mapping away: it stays until somebody unmaps it.
  [[nodiscard]] std::byte* release() {
    size_ = 0;
    return std::exchange(data_, nullptr);
  }
  /// Unmaps now.
  void reset();

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Brings the pages of a writable shared mapping in, so that first writes do not fault one by one.
/// The addresses need not lie on page borders. Errors: unsupported (before Linux 5.14), full,
/// invalid.
[[nodiscard]] Result<void> populate_for_write(void* address, std::size_t size);

/// Keeps the mapping out of children made by fork. Both need whole pages.
[[nodiscard]] Result<void> dont_fork(void* address, std::size_t size);
/// Takes `dont_fork` back: children inherit the mapping from now on.
[[nodiscard]] Result<void> do_fork(void* address, std::size_t size);

/// Fills a hole that `dont_fork` left in a child, so that no later mapping lands there and is taken
/// for the old one. Never replaces a mapping. Errors: exists (something is mapped there already).
[[nodiscard]] Result<void> fill_hole(void* address, std::size_t size);

/// Puts fresh zeroed writable memory in the place of whatever is mapped there, in one step: a
/// thread that still stores there meets either the old or the new memory.
[[nodiscard]] Result<void> replace_with_anonymous(void* address, std::size_t size);

/// Makes a mapping read-only.
[[nodiscard]] Result<void> protect_read_only(void* address, std::size_t size);

/// Bytes of a page of this machine.
[[nodiscard]] std::size_t page_size();

}  // namespace vineyard::os
