// SPDX-License-Identifier: Apache-2.0
#include "vineyard/shm/worker/clients.h"

#include <algorithm>
#include <cstring>

#include "vineyard/base/failpoint.h"
#include "vineyard/base/try.h"

namespace vineyard::shm {
namespace {
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
}  // namespace

Result<std::uint32_t> Clients::reserve_control() {
  for (std::uint32_t c = 0; c < limits::kClients; ++c) {
    if (reserved_[c] || control(c).serial.load(kRelaxed) != 0) continue;
    mark_reserved(c);
    // Whoever joins reads these before it is established: its positions start at 0, not where the
    // client before it ended.
    control(c).granted.store(0, kRelaxed);
    control(c).harvested.store(0, kRelaxed);
    return c;
  }
  return Error(ErrorCode::kFull,
               "this instance has 4,096 clients, the most there may be; close some");
}

void Clients::mark_reserved(std::uint32_t c) {
  reserved_[c] = true;
  if (c >= touched()) region_.header.clients_touched.store(c + 1, kRelease);
}

void Clients::release_control(std::uint32_t c) {
  reserved_[c] = false;
  arenas_.unreserve_home(home_reserved_[c]);
  home_reserved_[c] = 0;
}

void Clients::establish(std::uint32_t c, std::uint64_t serial, std::uint64_t uid, std::uint64_t pid,
                        std::string_view program) {
  ClientControl& cc = control(c);
  cc.granted.store(0, kRelaxed);
  cc.harvested.store(0, kRelaxed);
  cc.wanted.store(0, kRelaxed);
  cc.uid.store(uid, kRelaxed);
  cc.pid.store(pid, kRelaxed);
  std::uint64_t words[kProgramWords] = {};
  std::memcpy(words, program.data(), std::min(program.size(), sizeof words));
  for (std::size_t i = 0; i < kProgramWords; ++i) cc.program[i].store(words[i], kRelaxed);
  cc.window.store(limits::kFirstGrants, kRelaxed);
  cc.finished_count.store(0, kRelaxed);
  for (auto& f : cc.finished) f.request.store(0, kRelaxed);
  for (auto& a : cc.arenas) a.store(0, kRelaxed);
  for (auto& p : cc.arena_present) p.store(0, kRelaxed);
  cc.serial.store(serial, kRelease);
}

std::string Clients::program(std::uint32_t c) const {
  char text[kProgramWords * 8];
  for (std::size_t i = 0; i < kProgramWords; ++i) {
    const std::uint64_t word = region_.clients[c].program[i].load(kRelaxed);
    std::memcpy(text + i * 8, &word, 8);
  }
  return std::string(text, ::strnlen(text, sizeof text));
}

std::optional<std::uint32_t> Clients::control_of(std::uint64_t serial) const {
  if (serial == 0) return std::nullopt;
  const auto& connections = holds_.all(Kind::kConnection);
  const auto it = connections.find(serial);
  if (it == connections.end()) return std::nullopt;
  const auto c = static_cast<std::uint32_t>(it->second.facts.owner);
  if (!established(c, serial)) return std::nullopt;
  return c;
}

const Outbox* Clients::outbox(std::uint64_t serial) {
  const auto bytes = holds_.see(Kind::kOutbox, serial);
  return bytes ? reinterpret_cast<const Outbox*>(*bytes) : nullptr;
}

std::optional<std::uint64_t> Clients::published(std::uint32_t c) {
  const ClientControl& cc = control(c);
  const std::uint64_t harvested = cc.harvested.load(kRelaxed);
  const Outbox* box = outbox(cc.serial.load(kRelaxed));
  if (box == nullptr) return std::nullopt;
  // Acquire: partner of the writer's release store of the tail (shm/outbox).
  const std::uint64_t tail = box->tail.load(kAcquire);
  return std::max(std::min(tail, cc.granted.load(kRelaxed)), harvested);
}

std::uint64_t Clients::position(std::uint32_t c, std::uint64_t lease) const {
  const std::uint64_t harvested = control(c).harvested.load(kRelaxed);
  const auto difference = static_cast<std::int32_t>(static_cast<std::uint32_t>(lease) -
                                                    static_cast<std::uint32_t>(harvested));
  return harvested + static_cast<std::uint64_t>(static_cast<std::int64_t>(difference));
}

std::optional<bool> Clients::is_published(EntryIndex i) {
  const std::uint64_t lease = entries_.at(i).lease.load(kRelaxed);
  const auto c = control_of(lease >> 32);
  if (!c) return false;
  const auto upto = published(*c);
  if (!upto) return std::nullopt;
  return position(*c, lease) < *upto;
}

bool Clients::reserve(std::uint32_t c, std::uint64_t window) {
  const std::uint64_t wanted = window * limits::kDocumentBudget;
  // What was harvested since has taken of the room that stood behind the reservation.
  if (wanted <= home_reserved_[c]) return arenas_.reserve_home(0);
  if (!arenas_.reserve_home(wanted - home_reserved_[c])) return false;
  home_reserved_[c] = wanted;
  return true;
}

void Clients::reserve_again() {
  for (std::uint32_t c = 0; c < touched(); ++c) {
    if (control(c).serial.load(kRelaxed) != 0) (void)reserve(c, control(c).window.load(kRelaxed));
  }
}

Result<void> Clients::grant(std::uint32_t c, Window window) {
  ClientControl& cc = control(c);
  const std::uint64_t serial = cc.serial.load(kRelaxed);
  if (serial == 0) return {};
  std::uint64_t open = cc.window.load(kRelaxed);
  // Without room for a larger window the client keeps the one it has.
  const std::uint64_t doubled = std::min<std::uint64_t>(open * 2, limits::kRing);
  if (window == Window::kDouble && reserve(c, doubled)) open = doubled;
  if (!reserve(c, open))
    return Error(ErrorCode::kFull, "no room is left at home for documents of new objects");
  cc.window.store(open, kRelaxed);
  VY_TRY(entries_.prepare());
  while (cc.granted.load(kRelaxed) - cc.harvested.load(kRelaxed) < open) {
    const std::uint64_t g = cc.granted.load(kRelaxed);
    VY_TRY(auto id, entries_.lease((serial << 32) | (g & 0xffffffffU)));
    VY_FAILPOINT("grant.leased");
    cc.grants[g % limits::kRing].store(id.value, kRelaxed);
    VY_FAILPOINT("grant.written");
    cc.granted.store(g + 1, kRelease);  // R10: leased first, shown after
  }
  return {};
}

bool Clients::lease_was_shown(EntryIndex i) const {
  const std::uint64_t lease = entries_.at(i).lease.load(kRelaxed);
  const auto c = control_of(lease >> 32);
  if (!c) return false;
  const std::uint64_t p = position(*c, lease);
  const ClientControl& cc = control(*c);
  return p >= cc.harvested.load(kRelaxed) && p < cc.granted.load(kRelaxed) &&
         cc.grants[p % limits::kRing].load(kRelaxed) == entries_.id(i).without_blob_bit().value;
}

}  // namespace vineyard::shm
