// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"

namespace vineyard::shm {

/// What this folder must know about documents but cannot read itself: implemented by `store`.
///
/// Owner:   the worker's composition; outlives everything in this folder.
/// Threads: the worker's loop only.
/// Always:  `entered` and `left` come in pairs for each object, with the same bytes.
class Contents {
 public:
  virtual ~Contents() = default;

  /// Asked for each id that a document refers to.
  class MemberCheck {
   public:
    virtual ~MemberCheck() = default;
    virtual Result<void> check(ObjectId member) = 0;
  };
  /// Checks the private copy of a document that a client wrote, and each member by `members`.
  /// Errors: corrupt (malformed, too deep, too many members), or what `members` says.
  virtual Result<void> inspect(std::span<std::byte> document, MemberCheck& members) = 0;

  /// An object is in the index now; `document` is its document at home, empty for a blob.
  virtual void entered(ObjectId id, std::span<const std::byte> document) = 0;
  /// It leaves: its members are referred to once less. Appends those that nobody refers to any more.
  virtual void left(ObjectId id, std::span<const std::byte> document,
                    std::vector<ObjectId>& unreferenced) = 0;
  /// How many objects in the index, deleted but pinned ones included, refer to this entry.
  [[nodiscard]] virtual std::uint32_t references(EntryIndex index) const = 0;
};

}  // namespace vineyard::shm
