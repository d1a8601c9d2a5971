// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "vineyard/base/result.h"
#include "vineyard/os/unique_fd.h"
#include "vineyard/shm/worker/holds.h"
#include "vineyard/supervisor/abi.h"

namespace vineyard::server {

/// The worker's end of the connection to its supervisor: one message at a time, each answered by one byte after the
/// standby has it too (details: handing over). When the supervisor is gone, so is this process.
///
/// Owner:   server/worker.
/// Threads: the loop's thread only.
/// Always:  what `keep` returned for is held by supervisor and standby.
class SupervisorLink : public shm::Keeper {
 public:
  explicit SupervisorLink(const os::UniqueFd& socket) : socket_(socket) {}

  Result<void> keep(std::span<const shm::HoldFacts> facts,
                    std::span<const os::UniqueFd* const> descriptors) override;
  Result<void> drop(shm::Kind kind, std::uint64_t number) override;
  /// Asks for a clean end of the whole instance.
  Result<void> stop();

 private:
  Result<void> ask(const supervisor::HoldMessage& message, std::span<const int> descriptors);
  const os::UniqueFd& socket_;
};

}  // namespace vineyard::server
