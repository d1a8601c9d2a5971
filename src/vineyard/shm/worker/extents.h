// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vineyard::shm {

/// Free and taken runs of one of the worker's arenas, in units of 64 B: a segregated fit with two levels of bins and
/// eager coalescing. All its state lies in private memory, outside the arena.
///
/// Owner:   Home.
/// Threads: one at a time.
/// Always:  runs tile the arena without gap or overlap; no two neighbouring runs are both free.
class ExtentAllocator {
 public:
  /// Names a taken run; needed to free it.
  using Handle = std::uint32_t;
  static constexpr Handle kNone = ~Handle{0};

  struct Run {
    std::uint32_t offset = 0;  // in units
    Handle handle = kNone;
  };

  explicit ExtentAllocator(std::uint32_t units);

  /// Takes `units` (> 0) in one run; nothing if no free run is long enough.
  [[nodiscard]] std::optional<Run> allocate(std::uint32_t units);
  /// Gives a run back.
  void free(Handle handle);

  /// Rebuild after a worker's death: call with the taken runs in ascending order of offset, then `finish_rebuild`.
  /// False: the run overlaps one before it or leaves the arena (it is not taken over).
  [[nodiscard]] bool rebuild_taken(std::uint32_t offset, std::uint32_t units, Handle* handle);
  void begin_rebuild();
  void finish_rebuild();

  [[nodiscard]] std::uint32_t units() const { return units_; }
  [[nodiscard]] std::uint32_t free_units() const { return free_units_; }
  [[nodiscard]] bool empty() const { return free_units_ == units_; }
  /// The first broken invariant in words, or nothing.
  [[nodiscard]] std::optional<std::string> check_consistency() const;

 private:
  static constexpr std::uint32_t kSubBits = 4;  // sixteen bins to each power of two
  static constexpr std::uint32_t kTop = 32 - kSubBits + 1;

  struct Node {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    Handle before = kNone, after = kNone;  // neighbours in the arena
    Handle prev = kNone, next = kNone;     // in the bin, while free
    std::uint32_t taken = 0;               // 1 taken, 0 free
  };
  struct Bin {
    std::uint32_t top;
    std::uint32_t sub;
  };

  static Bin bin_of(std::uint32_t size);
  static Bin bin_at_least(std::uint32_t size);
  Handle find(std::uint32_t units) const;
  Handle make_node(const Node& node);
  void drop_node(Handle h);
  void link(Handle h);
  void unlink(Handle h);

  std::uint32_t units_;
  std::uint32_t free_units_ = 0;
  std::uint32_t top_bits_ = 0;
  std::array<std::uint32_t, kTop> sub_bits_{};
  std::array<std::array<Handle, 1U << kSubBits>, kTop> heads_;
  std::vector<Node> nodes_;
  std::vector<Handle> spare_;
  Handle last_ = kNone;  // of a rebuild
};

}  // namespace vineyard::shm
