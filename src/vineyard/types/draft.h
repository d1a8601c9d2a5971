// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vineyard/base/error.h"
#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"
#include "vineyard/meta/document_builder.h"

namespace vineyard {

class Client;

/// What is going to be one object: its document, and the runs of bytes that will lie side by side,
/// 64-byte aligned, in its one payload blob. The runs are copied when it is published.
///
/// Owner:   whoever builds.
/// Threads: one at a time.
/// Always:  the first mistake is kept and reported by `publish`. Bytes that were added are borrowed
///          and must stay until then.
class ObjectDraft {
 public:
  static constexpr std::uint64_t kAlignment = 64;

  explicit ObjectDraft(std::string_view type_name) : document_(type_name) {}

  [[nodiscard]] meta::DocumentBuilder& document() { return document_; }
  [[nodiscard]] meta::NodeRef root() const { return document_.root(); }

  /// Makes `bytes` a buffer of the node. The same bytes added twice are stored once.
  void add_bytes(meta::NodeRef node, std::string_view key, std::span<const std::byte> bytes);
  /// Makes a buffer of `size` bytes, which `fill` writes when the object is published.
  void add_generated(meta::NodeRef node, std::string_view key, std::uint64_t size,
                     std::function<void(std::span<std::byte>)> fill);

  void fail(Error error);
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

  [[nodiscard]] bool has_payload() const { return payload_.has_value(); }
  [[nodiscard]] std::uint64_t payload_size() const { return size_; }
  /// Writes the payload into `payload_size()` bytes at a 64-byte boundary; zeros between the runs.
  void write_payload(std::span<std::byte> payload) const;

  /// Puts the object: one payload, one document, one publication.
  /// Errors: what was kept, and those of `Client::reserve` and `Client::publish`.
  [[nodiscard]] Result<ObjectId> publish(const Client& client);

 private:
  struct Run {
    std::uint64_t offset;
    std::uint64_t size;
    const std::byte* bytes;  // null: `fill` writes them
    std::function<void(std::span<std::byte>)> fill;
  };
  struct SameBytes {
    std::uint64_t size;
    std::uint64_t offset;
  };

  /// The place of `size` more bytes, or nothing if that is too much.
  std::optional<std::uint64_t> place(std::uint64_t size);

  meta::DocumentBuilder document_;
  std::vector<Run> runs_;
  std::unordered_map<const std::byte*, SameBytes> known_;
  std::uint64_t size_ = 0;
  std::optional<std::uint32_t>
      payload_;  // its number; a caller may have declared other ones, shared blobs
  std::optional<Error> fault_;
};

}  // namespace vineyard
