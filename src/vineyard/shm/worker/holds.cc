// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/holds.h"

#include <fmt/format.h>

#include "vineyard/base/try.h"

namespace vineyard::shm {

void Holds::adopt(Held held) {
  const HoldFacts facts = held.facts;
  tables_[index(facts.kind)].insert_or_assign(facts.number, std::move(held));
}

Result<void> Holds::add(std::vector<Held> items) {
  std::vector<HoldFacts> facts;
  std::vector<const os::UniqueFd*> descriptors;
  for (const Held& item : items) {
    facts.push_back(item.facts);
    descriptors.push_back(&item.fd);
  }
  VY_TRY(keeper_.keep(facts, descriptors));
  for (Held& item : items) {
    if (item.facts.kind == Kind::kHomeArena && !item.writable.valid()) {
      // The keeper has mapped it; now this process, then it can be sealed.
      VY_TRY(item.writable,
             os::MappedRegion::map(item.fd, ByteCount(item.facts.size), os::Access::kReadWrite));
    }
    forget(item.facts.kind, item.facts.number);
    adopt(std::move(item));
  }
  return {};
}

Result<void> Holds::reassign(Held& held, std::uint64_t owner, std::uint64_t request) {
  HoldFacts facts = held.facts;
  facts.owner = owner;
  facts.request = request;
  const os::UniqueFd* fd = &held.fd;
  VY_TRY(keeper_.keep({&facts, 1}, {&fd, 1}));
  held.facts = facts;
  return {};
}

Result<void> Holds::drop(Kind kind, std::uint64_t number) {
  if (find(kind, number) == nullptr) return {};
  VY_TRY(keeper_.drop(kind, number));
  forget(kind, number);
  return {};
}

void Holds::forget(Kind kind, std::uint64_t number) {
  const auto it = tables_[index(kind)].find(number);
  if (it == tables_[index(kind)].end()) return;
  seen_[index(kind)].erase(number);
  tables_[index(kind)].erase(it);
}

Held* Holds::find(Kind kind, std::uint64_t number) {
  const auto it = tables_[index(kind)].find(number);
  return it == tables_[index(kind)].end() ? nullptr : &it->second;
}

Result<const std::byte*> Holds::see(Kind kind, std::uint64_t number) {
  Held* held = find(kind, number);
  if (held == nullptr) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("nothing of kind {} has number {}", index(kind), number));
  }
  if (held->writable.valid()) return static_cast<const std::byte*>(held->writable.data());
  auto it = seen_[index(kind)].find(number);
  if (it == seen_[index(kind)].end()) {
    VY_TRY(auto region,
           os::MappedRegion::map(held->fd, ByteCount(held->facts.size), os::Access::kReadOnly));
    it = seen_[index(kind)].emplace(number, std::move(region)).first;
  }
  return static_cast<const std::byte*>(it->second.data());
}

}  // namespace vineyard::shm
