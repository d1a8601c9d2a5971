// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "vineyard/server/operations/instance.h"

namespace vineyard::server {

/// What the instance holds and who holds it (docs/reference/status.md): processes, memory by holder, objects, clients,
/// pins, arenas, descriptors. At most the 200 largest holders, so that it fits into one packet.
[[nodiscard]] std::string status_json(Instance& in);

/// What a check found; the texts are in the JSON.
struct CheckReport {
  std::uint32_t findings = 0;
  std::string json;
};
/// Checks the invariants I2, I3, I8, I9, I10, I11, I13 of a live instance; each is reported with what broke it.
[[nodiscard]] CheckReport check(Instance& in);

}  // namespace vineyard::server
