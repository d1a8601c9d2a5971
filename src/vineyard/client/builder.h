// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/base/units.h"

namespace vineyard {

namespace client {
class Context;

/// A run of bytes in an own arena that was handed out and is not published yet.
struct Reservation {
  std::uint32_t arena = 0;        // its number
  std::uint32_t list_number = 0;  // within the own list
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
}  // namespace client
class Client;

/// Bytes in this process's own part of the pool that nobody else can see yet.
///
/// Owner:   whoever builds; movable. Dropped without being published, its space is given up.
/// Threads: one at a time; several payloads may be written by several threads.
/// Always:  64-byte aligned. Not written any more once published (that would break the promise to
/// all readers).
///          Of no use in a forked child.
class Payload {
 public:
  Payload() = default;
  Payload(Payload&& other) noexcept { swap(other); }
  Payload& operator=(Payload&& other) noexcept {
    Payload(std::move(other)).swap(*this);
    return *this;
  }
  Payload(const Payload&) = delete;
  Payload& operator=(const Payload&) = delete;
  ~Payload();

  [[nodiscard]] std::byte* data() { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::span<std::byte> bytes() { return bytes_; }
  /// Whether there is something to publish.
  [[nodiscard]] bool is_open() const { return context_ != nullptr; }
  /// Publishes only the first `size` bytes. `size` must not be larger than before.
  void truncate(std::size_t size) { bytes_ = bytes_.first(size); }

  void swap(Payload& other) noexcept;

 private:
  friend class client::Context;
  friend class Client;
  client::Context* context_ = nullptr;  // counted: it goes after its last payload
  std::span<std::byte> bytes_;
  client::Reservation reservation_;
  std::uint32_t generation_ = 0;  // of the process that reserved it
};

/// A blob under construction whose id can be asked for before it is sealed.
///
/// Owner:   whoever builds; movable. Dropped without `seal`, nothing remains.
/// Threads: one at a time.
/// Always:  `id()` and `seal()` give the same id.
class BlobBuilder {
 public:
  BlobBuilder(BlobBuilder&&) noexcept;
  BlobBuilder& operator=(BlobBuilder&&) noexcept;
  BlobBuilder(const BlobBuilder&) = delete;
  BlobBuilder& operator=(const BlobBuilder&) = delete;
  ~BlobBuilder();

  [[nodiscard]] std::byte* data() { return payload_.data(); }
  [[nodiscard]] std::size_t size() const { return payload_.size(); }
  [[nodiscard]] std::span<std::byte> bytes() { return payload_.bytes(); }
  /// The id the blob will have. The first call asks the daemon for one, and makes `seal` a message.
  [[nodiscard]] Result<ObjectId> id();
  /// Publishes the blob; the builder is empty afterwards.
  [[nodiscard]] Result<ObjectId> seal();

 private:
  friend class Client;
  BlobBuilder(std::unique_ptr<Client> client, Payload payload);
  std::unique_ptr<Client> client_;
  Payload payload_;
  ObjectId id_ = ObjectId::invalid();
};

}  // namespace vineyard
