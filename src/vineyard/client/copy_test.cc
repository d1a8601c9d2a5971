// SPDX-License-Identifier: Apache-2.0
#include "vineyard/client/copy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace vineyard::client {
namespace {

TEST(CopyToPool, copies_every_byte_and_no_other) {
  constexpr std::size_t kMost = (std::size_t{1} << 20) + 70'000;
  constexpr std::size_t kAround = 64;
  std::mt19937 random(3);
  std::vector<std::byte> from(kMost + kAround);
  for (std::byte& b : from) b = static_cast<std::byte>(random());
  std::vector<std::byte> memory(kMost + 3 * kAround);
  void* aligned = memory.data() + kAround;
  std::size_t space = kMost + kAround;
  auto* to = static_cast<std::byte*>(std::align(64, kMost, aligned, space));
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{16} << 10,
        std::size_t{40'000}, (std::size_t{1} << 20) - 1, std::size_t{1} << 20,
        (std::size_t{1} << 20) + 1, (std::size_t{1} << 20) + 16'384 + 64,
        (std::size_t{1} << 20) + 16'383, kMost}) {
    for (const auto& [offset, whole] : {std::pair{0, size}, {1, size}, {63, size}, {1, kMost}}) {
      std::fill(memory.begin(), memory.end(), std::byte{0x5a});
      copy_to_pool(to, from.data() + offset, size, whole);
      ASSERT_TRUE(std::equal(to, to + size, from.data() + offset)) << size << " from " << offset;
      ASSERT_TRUE(std::all_of(memory.data(), to, [](std::byte b) { return b == std::byte{0x5a}; }));
      ASSERT_TRUE(std::all_of(to + size, memory.data() + memory.size(), [](std::byte b) {
        return b == std::byte{0x5a};
      })) << size;
    }
  }
}

}  // namespace
}  // namespace vineyard::client
