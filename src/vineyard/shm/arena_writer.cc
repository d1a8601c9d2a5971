// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/arena_writer.h"

#include <algorithm>

#include "vineyard/base/check.h"
#include "vineyard/base/failpoint.h"

namespace vineyard::shm {

std::optional<std::uint64_t> ArenaWriter::reserve(std::uint64_t size) {
  if (size > bytes_.size()) return std::nullopt;  // also keeps extent_step from wrapping
  const std::uint64_t step = extent_step(size);
  if (!lies_within(used_, step, bytes_.size())) return std::nullopt;
  const std::uint64_t offset = used_;
  used_ += step;
  ++open_;
  return offset;
}

void ArenaWriter::closed(std::uint64_t position) {
  VY_CHECK(open_ > 0);
  --open_;
  published_until_ = std::max(published_until_, position + 1);
}

void ArenaWriter::closed_by_message() {
  VY_CHECK(open_ > 0);
  --open_;
}

void ArenaWriter::given_up(std::uint64_t offset, std::uint64_t size) {
  VY_CHECK(open_ > 0);
  --open_;
  if (offset + extent_step(size) == used_) used_ = offset;
}

void ArenaWriter::shrunk(std::uint64_t offset, std::uint64_t size, std::uint64_t keep) {
  if (offset + extent_step(size) == used_) used_ = offset + extent_step(keep);
}

bool ArenaWriter::is_settled(const Grants& grants) const {
  return open_ == 0 && grants.harvested() >= published_until_;
}

bool ArenaWriter::is_empty(const Grants& grants) const {
  // In this order: the worker counts an entry before it counts its position (R10), so a count that
  // is read after a position that is past all records misses none of them.
  return is_settled(grants) && (VY_LEFT_OUT("R6") || grants.present(list_number_) == 0);
}

std::span<std::byte> ArenaWriter::claim_untouched(std::uint64_t offset, std::uint64_t size,
                                                  std::uint64_t ahead) {
  if (offset + size <= touched_) return {};
  const std::uint64_t end = std::min<std::uint64_t>(offset + size + ahead, bytes_.size());
  const std::uint64_t begin = std::max(offset, touched_);
  touched_ = end;
  return bytes_.subspan(begin, end - begin);
}

}  // namespace vineyard::shm
