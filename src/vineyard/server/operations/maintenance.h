// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "vineyard/server/operations/instance.h"

namespace vineyard::server {

/// What the worker does on its slow tick, in small steps, while anybody is connected: harvest, keep grants open, look
/// again at deleted objects, forget what nobody maps.
///
/// Owner:   server/worker.
/// Threads: the loop's thread only.
/// Always:  a tick without news costs a few loads for each client.
class Maintenance {
 public:
  explicit Maintenance(Instance& instance) : in_(instance) {}
  void tick();
  /// Whether anything is left that only a tick would notice; otherwise the worker sleeps.
  [[nodiscard]] bool has_work() const;

 private:
  Instance& in_;
  std::uint64_t ticks_ = 0;
};

}  // namespace vineyard::server
