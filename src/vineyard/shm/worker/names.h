// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/shm/layout.h"
#include "vineyard/shm/worker/arenas.h"

namespace vineyard::shm {

/// The writer's side of the name table in the region; the names' bytes lie in the worker's arenas.
///
/// Owner:   the worker.
/// Threads: the worker's loop only.
/// Always:  a name is in the table and in `sorted_` or in neither; a slot's bytes are complete before its id shows.
class Names {
 public:
  Names(Region& region, Arenas& arenas) : region_(region), arenas_(arenas) {}

  enum class Mode : std::uint8_t { kReplace = 0, kIfAbsent = 1 };
  /// Errors: invalid (empty, or longer than 1,024 bytes), exists (kIfAbsent), full (slots or memory).
  Result<void> put(std::string_view name, ObjectId id, Mode mode);
  [[nodiscard]] std::optional<ObjectId> get(std::string_view name) const;
  /// Whether there was such a name.
  bool drop(std::string_view name);
  void clear();
  [[nodiscard]] std::size_t size() const { return sorted_.size(); }
  /// All names in order; a page starts after a name.
  [[nodiscard]] const std::map<std::string, std::uint32_t, std::less<>>& sorted() const {
    return sorted_;
  }
  [[nodiscard]] ObjectId id_at(std::uint32_t slot) const;

  /// The names' own bytes at home, for a rebuild; tags are kRebuildTag | slot.
  static constexpr std::uint32_t kRebuildTag = 1U << 31;
  void collect(std::vector<Arenas::Found>& found) const;
  void set_handle(std::uint32_t slot, ExtentAllocator::Handle handle) { handles_[slot] = handle; }
  /// Reads the names again; call when the home arenas are known.
  void finish_rebuild();

 private:
  [[nodiscard]] std::optional<std::uint32_t> free_slot(std::uint64_t hash) const;
  void release_bytes(std::uint32_t slot);

  Region& region_;
  Arenas& arenas_;
  std::map<std::string, std::uint32_t, std::less<>> sorted_;
  std::map<std::uint32_t, ExtentAllocator::Handle> handles_;
};

}  // namespace vineyard::shm
