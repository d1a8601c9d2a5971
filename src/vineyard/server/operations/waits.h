// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "vineyard/base/ids.h"
#include "vineyard/base/result.h"

namespace vineyard::server {

class Instance;

/// Clients that sleep until an object or a name is there.
///
/// Owner:   Instance.
/// Threads: the loop's thread only.
/// Always:  each wait is answered once: with the id, with not_found, or when its time is over.
class Waits {
 public:
  using Answer = std::function<void(Result<ObjectId>)>;

  struct Wait {
    std::uint64_t serial = 0;  // of who waits
    ObjectId id;               // invalid: waits for `name`
    std::string name;
    std::int64_t until_ms = 0;  // monotonic
    Answer answer;
  };

  void add(Wait wait) { waits_.push_back(std::move(wait)); }
  void forget(std::uint64_t serial);
  /// Answers what can be answered now. For what still waits: tells the writers that somebody sleeps (R11).
  void serve(Instance& instance, std::int64_t now_ms);
  [[nodiscard]] bool empty() const { return waits_.empty(); }
  [[nodiscard]] std::size_t size() const { return waits_.size(); }

 private:
  enum class Look : std::uint8_t { kThere, kNotYet, kNever };
  static Look look(Instance& instance, Wait& wait);
  static Look arm(Instance& instance, Wait& wait);
  std::vector<Wait> waits_;
};

}  // namespace vineyard::server
