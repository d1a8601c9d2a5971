// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "vineyard/base/extent.h"
#include "vineyard/base/ids.h"
#include "vineyard/shm/layout.h"

namespace vineyard::shm {

/// A slot of the name table that may hold the name that is looked for.
struct NameCandidate {
  std::uint32_t slot = 0;
  ObjectId id;
  Extent bytes;  // of the name, in an arena of the worker
};

/// A reader's eye on the name table: finds the slots whose hash fits. The bytes of a name lie in an
/// arena, which the caller maps; they are compared there, and then the slot is looked at again.
///
/// Owner:   one lookup; borrows region and name.
/// Threads: one.
/// Always:  a table without names is not touched.
class NameLookup {
 public:
  NameLookup(const Region& region, std::string_view name);

  /// The next slot that may be it; nothing at the end.
  [[nodiscard]] std::optional<NameCandidate> next();
  /// Whether `bytes`, read where the candidate says, are the name and the slot still says the same.
  /// Only then the candidate's id was the name's at a moment of this lookup.
  [[nodiscard]] bool is_it(const NameCandidate& candidate, std::span<const std::byte> bytes) const;

 private:
  const Region& region_;
  std::string_view name_;
  std::uint64_t hash_;
  std::uint32_t probe_ = 0;
};

}  // namespace vineyard::shm
