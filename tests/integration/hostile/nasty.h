// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "attacker.h"

namespace vineyard::hostile {

/// One thing that somebody thought of.
struct NastyCase {
  std::string name;
  enum class Start { kConnected, kJoined } start = Start::kJoined;
  std::function<void(Attacker&)> act;
};

/// All of them, those derived from the message table and those written by hand.
[[nodiscard]] std::vector<NastyCase> nasty_cases();

}  // namespace vineyard::hostile
