// SPDX-License-Identifier: Apache-2.0
#include "vineyard/supervisor/hold_table.h"

#include <string>

#include "vineyard/base/try.h"

namespace vineyard::supervisor {

Result<void> HoldTable::apply(const HoldMessage& message, std::vector<os::UniqueFd> fds) {
  const bool hold = message.op == kHold;
  if (message.count > kMaxHoldsPerMessage || (!hold && message.op != kDrop) ||
      fds.size() != (hold ? message.count : 0)) {
    return Error(ErrorCode::kInvalid, "a hold message with op " + std::to_string(message.op) +
                                          ", " + std::to_string(message.count) + " items and " +
                                          std::to_string(fds.size()) + " descriptors");
  }
  std::vector<std::pair<Key, Slot>> fresh;
  for (std::uint32_t i = 0; hold && i < message.count; ++i) {
    Slot slot{message.items[i], std::move(fds[i]), {}};
    if (slot.facts.kind == kHomeArena) {  // before the worker seals it: afterwards nobody could
      VY_TRY(slot.writable,
             os::MappedRegion::map(slot.fd, ByteCount(slot.facts.size), os::Access::kReadWrite));
    }
    slot.facts.fd = static_cast<std::uint32_t>(slot.fd.get());
    slot.facts.address = reinterpret_cast<std::uint64_t>(slot.writable.data());
    fresh.emplace_back(Key{slot.facts.kind, slot.facts.number}, std::move(slot));
  }
  for (std::uint32_t i = 0; i < message.count; ++i) {
    slots_.erase({message.items[i].kind, message.items[i].number});
  }
  for (auto& [key, slot] : fresh) slots_.insert_or_assign(key, std::move(slot));
  return {};
}

std::vector<int> HoldTable::descriptors_of(const HoldMessage& message) const {
  std::vector<int> fds;
  for (std::uint32_t i = 0; message.op == kHold && i < message.count; ++i) {
    fds.push_back(slots_.at({message.items[i].kind, message.items[i].number}).fd.get());
  }
  return fds;
}

std::vector<Hold> HoldTable::list_for_worker() const {
  std::vector<Hold> list;
  list.reserve(slots_.size());
  for (const auto& [key, slot] : slots_) {
    if (key.first != kWorker) list.push_back(slot.facts);
  }
  return list;
}

os::BorrowedFd HoldTable::find(HoldKind kind, std::uint64_t number) const {
  const auto found = slots_.find({kind, number});
  return found == slots_.end() ? os::BorrowedFd(-1) : os::BorrowedFd(found->second.fd);
}

}  // namespace vineyard::supervisor
