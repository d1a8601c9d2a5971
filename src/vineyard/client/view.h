// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "vineyard/base/ids.h"

namespace vineyard {

namespace client {
class Context;

/// A slot of a pin table, as a view holds it.
struct Pin {
  Context* context = nullptr;  // null: nothing is pinned
  std::uint32_t slot = 0;
  std::uint32_t generation =
      0;  // of the process that pinned: in a forked child the pin is its parent's
};

/// Gives a slot back. In a child of the process that pinned: nothing.
void release(const Pin& pin) noexcept;
}  // namespace client

/// Bytes of an object that nobody changes or gives away while the view lives: no copy, read-only
/// memory.
///
/// Owner:   whoever holds it; movable. It outlives the Client it came from.
/// Threads: released on any thread, also during exit: no system call, and a lock only now and then.
///          Released in a forked child it does nothing (a child's views are good, and go with its
///          process).
/// Always:  the bytes stay the same until it is released, whatever happens to the object or the
/// daemon.
class View {
 public:
  View() = default;
  /// For the client only: bytes under `pin`; `copy` owns them when they are not in shared memory.
  View(ObjectId id, const client::Pin& pin, std::span<const std::byte> bytes,
       std::unique_ptr<std::byte[]> copy = nullptr)
      : pin_(pin), bytes_(bytes), id_(id), copy_(std::move(copy)) {}
  View(View&& other) noexcept
      : pin_(std::exchange(other.pin_, {})),
        bytes_(std::exchange(other.bytes_, {})),
        id_(other.id_),
        copy_(std::move(other.copy_)) {}
  View& operator=(View&& other) noexcept {
    View(std::move(other)).swap(*this);
    return *this;
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View() {
    if (pin_.context != nullptr) client::release(pin_);
  }

  [[nodiscard]] const std::byte* data() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  [[nodiscard]] ObjectId id() const { return id_; }
  /// Whether the bytes are a private copy of a document that was published a moment ago.
  [[nodiscard]] bool is_copy() const { return copy_ != nullptr; }
  /// The pin behind it, for other views of the same instance.
  [[nodiscard]] const client::Pin& pin() const { return pin_; }

  void swap(View& other) noexcept {
    std::swap(pin_, other.pin_);
    std::swap(bytes_, other.bytes_);
    std::swap(id_, other.id_);
    std::swap(copy_, other.copy_);
  }

 private:
  client::Pin pin_;
  std::span<const std::byte> bytes_;
  ObjectId id_;
  std::unique_ptr<std::byte[]> copy_;
};

/// A range of a blob's bytes, pinned by itself: it needs neither the Object nor the Client it came
/// from.
///
/// Owner:   whoever holds it; movable.
/// Threads: as View.
/// Always:  the range lies inside the blob.
class Buffer {
 public:
  Buffer() = default;
  Buffer(View blob, std::size_t offset, std::size_t length)
      : bytes_(blob.bytes().subspan(offset, length)), blob_(std::move(blob)) {}

  [[nodiscard]] const std::byte* data() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  /// The blob that the range is part of.
  [[nodiscard]] ObjectId blob() const { return blob_.id(); }

 private:
  std::span<const std::byte> bytes_;
  View blob_;
};

/// A private, writable copy of a range of bytes: pages are copied when first written, the others
/// stay shared.
///
/// Owner:   whoever holds it; movable. It outlives the Client it came from.
/// Threads: as any private memory; released on any thread.
/// Always:  nobody else sees what is written; the object behind it stays pinned.
class WritableCopy {
 public:
  WritableCopy() = default;
  /// For the client only. `mapping` is what to unmap in the end; without one `memory` owns the
  /// bytes.
  WritableCopy(View pinned, std::span<std::byte> bytes, std::span<std::byte> mapping,
               std::unique_ptr<std::byte[]> memory)
      : pinned_(std::move(pinned)), bytes_(bytes), mapping_(mapping), memory_(std::move(memory)) {}
  WritableCopy(WritableCopy&& other) noexcept { swap(other); }
  WritableCopy& operator=(WritableCopy&& other) noexcept {
    WritableCopy(std::move(other)).swap(*this);
    return *this;
  }
  WritableCopy(const WritableCopy&) = delete;
  WritableCopy& operator=(const WritableCopy&) = delete;
  ~WritableCopy();

  [[nodiscard]] std::byte* data() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

  void swap(WritableCopy& other) noexcept {
    pinned_.swap(other.pinned_);
    std::swap(bytes_, other.bytes_);
    std::swap(mapping_, other.mapping_);
    std::swap(memory_, other.memory_);
  }

 private:
  View pinned_;  // released last: members go in reverse order, and the mapping goes in the
                 // destructor's body
  std::span<std::byte> bytes_;
  std::span<std::byte> mapping_;
  std::unique_ptr<std::byte[]> memory_;
};

}  // namespace vineyard
