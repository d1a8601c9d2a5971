// SPDX-License-Identifier: Apache-2.0
#include "vineyard/types/draft.h"

#include <cstring>
#include <utility>

#include "vineyard/base/check.h"
#include "vineyard/base/limits.h"
#include "vineyard/client/copy.h"

namespace vineyard {

void ObjectDraft::fail(Error error) {
  if (!fault_) fault_ = std::move(error);
}

std::optional<std::uint64_t> ObjectDraft::place(std::uint64_t size) {
  const std::uint64_t offset = (size_ + kAlignment - 1) & ~(kAlignment - 1);
  if (offset > limits::kMaxObject || size > limits::kMaxObject - offset) {
    fail(Error(ErrorCode::kFull, "an object cannot have more than 64 TiB of payload"));
    return std::nullopt;
  }
  if (!payload_) payload_ = document_.add_payload();
  // A run without bytes needs no place of its own, and must not lengthen the payload by padding.
  if (size != 0) size_ = offset + size;
  return size == 0 ? 0 : offset;
}

void ObjectDraft::add_bytes(meta::NodeRef node, std::string_view key,
                            std::span<const std::byte> bytes) {
  const auto same = known_.find(bytes.data());
  if (!bytes.empty() && same != known_.end() && same->second.size == bytes.size()) {
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): what is known was placed
    document_.add_buffer(node, key, *payload_, same->second.offset, bytes.size());
    return;
  }
  const auto offset = place(bytes.size());
  if (!offset) return;
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): place() makes it
  document_.add_buffer(node, key, *payload_, *offset, bytes.size());
  if (bytes.empty()) return;
  runs_.push_back({.offset = *offset, .size = bytes.size(), .bytes = bytes.data(), .fill = {}});
  known_[bytes.data()] = {.size = bytes.size(), .offset = *offset};
}

void ObjectDraft::add_generated(meta::NodeRef node, std::string_view key, std::uint64_t size,
                                std::function<void(std::span<std::byte>)> fill) {
  const auto offset = place(size);
  if (!offset) return;
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): place() makes it
  document_.add_buffer(node, key, *payload_, *offset, size);
  if (size == 0) return;
  runs_.push_back({.offset = *offset, .size = size, .bytes = nullptr, .fill = std::move(fill)});
}

void ObjectDraft::write_payload(std::span<std::byte> payload) const {
  VY_CHECK(payload.size() >= size_);
  std::uint64_t end = 0;
  for (const Run& run : runs_) {
    std::memset(payload.data() + end, 0, run.offset - end);
    if (run.bytes != nullptr)
      client::copy_to_pool(payload.data() + run.offset, run.bytes, run.size, size_);
    else
      run.fill(payload.subspan(run.offset, run.size));
    end = run.offset + run.size;
  }
}

}  // namespace vineyard
