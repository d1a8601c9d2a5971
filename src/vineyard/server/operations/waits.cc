// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/waits.h"

#include <fmt/format.h>

#include "vineyard/os/membarrier.h"
#include "vineyard/server/operations/instance.h"

namespace vineyard::server {

void Waits::forget(std::uint64_t serial) {
  std::erase_if(waits_, [&](const Wait& w) { return w.serial == serial; });
}

Waits::Look Waits::look(Instance& in, Wait& wait) {
  if (!wait.id.is_valid()) {
    const auto id = in.names.get(wait.name);
    if (!id) return Look::kNotYet;
    wait.id = *id;
    return Look::kThere;
  }
  if (!in.entries.holds(wait.id)) return Look::kNever;
  switch (in.entries.state(wait.id.index())) {
    case shm::State::kLive:
      return in.entries.id(wait.id.index()) == wait.id ? Look::kThere : Look::kNever;
    case shm::State::kLeased: return Look::kNotYet;
    case shm::State::kFree:
    case shm::State::kBusy:
    case shm::State::kDeleted:
    case shm::State::kSpilled:
    case shm::State::kRemote:
    case shm::State::kVoid: return Look::kNever;
  }
  return Look::kNever;
}

// R11: set `wanted`, barrier, look again: a put after the barrier sees the flag, one before it is found here.
Waits::Look Waits::arm(Instance& in, Wait& wait) {
  if (!wait.id.is_valid()) return Look::kNotYet;
  const std::uint64_t lease = in.entries.at(wait.id.index()).lease.load(std::memory_order_relaxed);
  const auto control = in.clients.control_of(lease >> 32);
  if (!control)
    return in.entries.detached_owner(wait.id.index()) != 0 ? Look::kNotYet : Look::kNever;
  in.clients.control(*control).wanted.store(1, std::memory_order_release);
  if (os::membarrier_available()) (void)os::global_barrier();
  in.harvester.harvest(*control);
  return look(in, wait);
}

void Waits::serve(Instance& in, std::int64_t now_ms) {
  // Answers may add waits; those are looked at next time.
  std::vector<Wait> waiting;
  waiting.swap(waits_);
  for (Wait& w : waiting) {
    Look found = look(in, w);
    if (found == Look::kNotYet) found = arm(in, w);
    if (found == Look::kThere) {
      if (Peer* peer = in.peer(w.serial)) peer->pinned.push_back(w.id);
      w.answer(w.id);
    } else if (found == Look::kNever) {
      w.answer(Error(ErrorCode::kNotFound, fmt::format("{} does not exist", w.id.to_string())));
    } else if (now_ms >= w.until_ms) {
      w.answer(Error(ErrorCode::kNotFound,
                     w.id.is_valid() ? fmt::format("{} was not published in time", w.id.to_string())
                                     : fmt::format("no object got the name '{}' in time", w.name)));
    } else {
      waits_.push_back(std::move(w));
    }
  }
}

}  // namespace vineyard::server
