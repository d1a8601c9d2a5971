// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

#include "attacker.h"

namespace vineyard::hostile {

/// Makes frames that are wrong in every way, from a seed.
///
/// Owner:   who attacks.
/// Threads: one.
/// Always:  the same seed and the same facts give the same frames.
class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  /// A message of any type with members that are right, nearly right or absurd, now and then with wrong bytes behind a
  /// right header: well framed, so it has to be answered.
  void message(protocol::Buffer& frame, const Facts& facts);
  /// Any bytes, most of them from a right frame: usually the end of the connection.
  void garbage(protocol::Buffer& packet, const Facts& facts);
  /// True one time in `n`.
  bool one_in(unsigned n) { return random_() % n == 0; }
  std::uint64_t number() { return random_(); }
  /// A client that must never be kicked: it is the innocent one.
  void spare(std::uint64_t serial) { spared_ = serial; }

 private:
  struct Fill;
  void spoil_body(protocol::Buffer& frame);

  std::mt19937_64 random_;
  std::uint64_t spared_ = 0;
};

}  // namespace vineyard::hostile
