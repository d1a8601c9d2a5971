// SPDX-License-Identifier: Apache-2.0
#include "vineyard/server/operations/maintenance.h"

#include "vineyard/server/operations/membership.h"

namespace vineyard::server {
namespace {
constexpr std::uint64_t kFullSweepEvery = 10;  // ticks: once a second
}  // namespace

void Maintenance::tick() {
  ++ticks_;
  in_.region.header.turns.fetch_add(1, std::memory_order_relaxed);
  for (std::uint32_t c = 0; c < in_.clients.touched(); ++c) {
    if (in_.clients.control(c).serial.load(std::memory_order_relaxed) == 0) continue;
    in_.harvester.harvest(c);
    (void)in_.clients.grant(c, shm::Clients::Window::kKeep);
  }
  in_.retirer.retry_waiting(in_.own_pins());
  const bool full = ticks_ % kFullSweepEvery == 0;
  sweep_pin_tables(in_, full ? Sweep::kAll : Sweep::kOfTheGone);
  in_.arenas.sweep();
}

bool Maintenance::has_work() const {
  return !in_.peers.empty() || in_.retirer.waiting_count() > 0 ||
         !in_.holds.all(shm::Kind::kPinTable).empty();
}

}  // namespace vineyard::server
