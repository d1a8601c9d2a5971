// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace vineyard::fuzz {

/// The bytes of an input read as a script: small numbers, wild numbers, runs of bytes. Past the end
/// everything is zero.
///
/// Owner:   one run of a fuzz target; borrows the input.
/// Threads: one.
/// Always:  the same input gives the same script.
class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  [[nodiscard]] bool is_over() const { return left_.empty(); }
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const std::uint8_t value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  std::uint32_t below(std::uint32_t limit) { return limit == 0 ? 0 : byte() % limit; }
  template <class T>
  T number() {
    T value{};
    const auto bytes = run(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  std::span<const std::uint8_t> run(std::size_t size) {
    const auto bytes = left_.first(std::min(size, left_.size()));
    left_ = left_.subspan(bytes.size());
    return bytes;
  }
  std::string_view text(std::size_t size) {
    const auto bytes = run(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// A number near the edges of what `limit` allows, or any number at all.
  std::uint64_t edgy(std::uint64_t limit) {
    switch (below(6)) {
      case 0: return byte();
      case 1: return limit - below(3);
      case 2: return limit + below(3);
      case 3: return std::uint64_t{byte()} << 32 | byte();
      case 4: return ~std::uint64_t{below(3)};
      default: return number<std::uint64_t>();
    }
  }

 private:
  std::span<const std::uint8_t> left_;
};

}  // namespace vineyard::fuzz
