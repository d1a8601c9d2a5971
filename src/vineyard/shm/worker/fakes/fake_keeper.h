// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "vineyard/base/result.h"
#include "vineyard/os/mapped_region.h"
#include "vineyard/os/socket.h"
#include "vineyard/shm/worker/entries.h"
#include "vineyard/shm/worker/holds.h"

namespace vineyard::shm {

/// The supervisor's twin: keeps descriptors of its own and maps home arenas, so that a successor finds them.
///
/// Owner:   the test; outlives every worker.
/// Threads: one.
/// Always:  what `keep` was told and `drop` was not, `inherited` returns.
class FakeKeeper : public Keeper {
 public:
  Result<void> keep(std::span<const HoldFacts> facts,
                    std::span<const os::UniqueFd* const> descriptors) override {
    if (refuse_next_ > 0 && --refuse_next_ == 0)
      return Error(ErrorCode::kUnavailable, "the keeper refuses");
    for (std::size_t n = 0; n < facts.size(); ++n) {
      Kept& kept = kept_[{facts[n].kind, facts[n].number}];
      kept.facts = facts[n];
      kept.fd = os::duplicate(*descriptors[n]).value();
      if (facts[n].kind == Kind::kHomeArena && !kept.writable.valid()) {
        kept.writable =
            os::MappedRegion::map(kept.fd, ByteCount(facts[n].size), os::Access::kReadWrite)
                .value();
      }
    }
    return {};
  }
  Result<void> drop(Kind kind, std::uint64_t number) override {
    kept_.erase({kind, number});
    return {};
  }

  /// What the next worker finds. Its writable mappings are the keeper's own: give them back by `release`.
  [[nodiscard]] std::vector<Held> inherited() const {
    std::vector<Held> all;
    for (const auto& [key, kept] : kept_) {
      Held held;
      held.facts = kept.facts;
      held.fd = os::duplicate(kept.fd).value();
      if (kept.writable.valid())
        held.writable = os::MappedRegion(kept.writable.data(), kept.writable.size());
      all.push_back(std::move(held));
    }
    return all;
  }
  /// Whether `held` writes through the keeper's mapping, which is not its to unmap.
  [[nodiscard]] bool lends_mapping(const Held& held) const {
    const auto it = kept_.find({held.facts.kind, held.facts.number});
    return it != kept_.end() && held.writable.valid() &&
           held.writable.data() == it->second.writable.data();
  }
  [[nodiscard]] std::size_t count(Kind kind) const {
    std::size_t n = 0;
    for (const auto& [key, kept] : kept_) n += key.first == kind;
    return n;
  }
  /// The n-th `keep` from now fails (1: the next).
  void refuse_next(int n) { refuse_next_ = n; }

 private:
  struct Kept {
    HoldFacts facts;
    os::UniqueFd fd;
    os::MappedRegion writable;
  };
  std::map<std::pair<Kind, std::uint64_t>, Kept> kept_;
  int refuse_next_ = 0;
};

/// Blocks 1001, 1002, ...; none beyond `left`.
///
/// Owner:   the test; outlives every worker.
/// Threads: one.
/// Always:  a block is returned once.
class FakeBlocks : public BlockSource {
 public:
  Result<BlockId> take_block() override {
    if (left == 0) return Error(ErrorCode::kFull, "no block is left");
    --left;
    return BlockId{next_++};
  }
  std::uint32_t left = 1U << 20;

 private:
  std::uint32_t next_ = 1001;
};

}  // namespace vineyard::shm
