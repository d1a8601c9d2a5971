// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/no_waiting.h"

#include <cstdint>

namespace vineyard {
namespace {

enum class Waiting : std::uint8_t { kAllowed, kNotAllowed, kRefused };
thread_local Waiting t_waiting = Waiting::kAllowed;

}  // namespace

NoWaiting::NoWaiting() noexcept {
  t_waiting = Waiting::kNotAllowed;
}
NoWaiting::~NoWaiting() {
  t_waiting = Waiting::kAllowed;
}

bool NoWaiting::refused() const noexcept {
  return t_waiting == Waiting::kRefused;
}

bool NoWaiting::refuses() noexcept {
  if (t_waiting == Waiting::kAllowed) return false;
  t_waiting = Waiting::kRefused;
  return true;
}

}  // namespace vineyard
